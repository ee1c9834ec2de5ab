"""Divide the questions among the processes of `accelerate launch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from dataset_builder.corpus.questions import Question

QuestionType = TypeVar("QuestionType", bound=Question)


def shard(questions: Sequence[QuestionType], process: int, processes: int) -> list[QuestionType]:
    """Return the questions that `process` answers.

    The abstracts are dealt out in turn, the longest first, each with all of its questions.
    """
    abstracts = sorted({question.context for question in questions}, key=lambda text: (-len(text), text))
    own = set(abstracts[process::processes])
    return [question for question in questions if question.context in own]
