"""Draw a fixed random sample of test or validation questions."""

from __future__ import annotations

import hashlib
from typing import Any


def sample_questions(rows: list[dict[str, Any]], questions: int | None) -> list[dict[str, Any]]:
    """Return `questions` of the rows in their order, chosen by a hash of paper and question; all where it is None.

    The choice depends on nothing else, and a smaller sample lies within a larger one.
    """
    if questions is None or questions >= len(rows):
        return rows

    def draw(number: int) -> str:
        return hashlib.sha256(f"{rows[number]['paper_id']}\n{rows[number]['question']}".encode()).hexdigest()

    return [rows[number] for number in sorted(sorted(range(len(rows)), key=draw)[:questions])]
