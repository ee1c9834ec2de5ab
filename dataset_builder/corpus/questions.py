"""Define a question on an abstract, and the same question with its reference answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any


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
    kind: str = "question"


def read_questions(split: Iterable[Mapping[str, Any]]) -> list[CorpusQuestion]:
    """Return the rows of a corpus split, as `load_corpus_split` loads it."""
    names = [field.name for field in fields(CorpusQuestion)]
    return [CorpusQuestion(**{name: row[name] for name in names if row.get(name) is not None}) for row in split]
