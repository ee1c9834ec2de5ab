"""Choose the questions to answer: a fixed random sample, and the share of each process of `accelerate launch`."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from dataset_builder.corpus.questions import CorpusQuestion, Question

QuestionType = TypeVar("QuestionType", bound=Question)


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


def shard(questions: Sequence[QuestionType], process: int, processes: int) -> list[QuestionType]:
    """Return the questions that `process` answers.

    The abstracts are dealt out in turn, the longest first, each with all of its questions.
    """
    abstracts = sorted({question.context for question in questions}, key=lambda text: (-len(text), text))
    own = set(abstracts[process::processes])
    return [question for question in questions if question.context in own]
