"""Each process's part of the questions under `accelerate launch`."""

from __future__ import annotations

from typing import Any


def shard(rows: list[dict[str, Any]], process: int, processes: int) -> list[dict[str, Any]]:
    """Return the questions that `process` answers: every so many-th abstract, by length, with all its questions."""
    abstracts = sorted({row["context"] for row in rows}, key=lambda text: (-len(text), text))
    own = set(abstracts[process::processes])
    return [row for row in rows if row["context"] in own]
