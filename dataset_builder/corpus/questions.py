"""Define what a model is asked: a question on an abstract, and the same with its reference answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Question:
    """One question on one abstract (`context`), as the prompt is built from it."""

    instruction: str
    context: str
    question: str


@dataclass(frozen=True)
class CorpusQuestion(Question):
    """One row of a corpus split: a question with its reference answer, and the paper that it is on."""

    answer: str
    paper_id: str
    year: int
    title: str = ""
    paper_url: str = ""


def read_questions(split: Dataset) -> list[CorpusQuestion]:
    """Return the rows of a corpus split, as `load_corpus_split` loads it."""
    return [
        CorpusQuestion(
            instruction=row["instruction"],
            context=row["context"],
            question=row["question"],
            answer=row["answer"],
            paper_id=row["paper_id"],
            year=row["year"],
            title=row.get("title") or "",
            paper_url=row.get("paper_url") or "",
        )
        for row in split
    ]
