"""Draw a fixed random sample of test or validation questions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from dataset_builder.corpus.questions import CorpusQuestion


def sample_questions(questions: Sequence[CorpusQuestion], count: int | None) -> list[CorpusQuestion]:
    """Return `count` of the questions in their order, chosen by a hash of paper and question; None returns all.

    The choice depends on nothing else: a smaller sample is a part of a larger one.
    """
    if count is None or count >= len(questions):
        return list(questions)

    def draw(number: int) -> str:
        question = questions[number]
        return hashlib.sha256(f"{question.paper_id}\n{question.question}".encode()).hexdigest()

    return [questions[number] for number in sorted(sorted(range(len(questions)), key=draw)[:count])]
