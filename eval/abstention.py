"""Choose the support below which an answer is withheld, and keep it in the verifier's folder: abstention.json."""

import math
from collections.abc import Sequence
from pathlib import Path

from dataset_builder.corpus.questions import CorpusQuestion, Question
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import FileFormat, read_format

ABSTENTION_FILE = "abstention.json"
REMEDY = "choose the threshold with `python -m eval choose-threshold`"
# The share of the questions on their own abstracts that is answered at the threshold.
ANSWERED = 0.9


class AbstentionQuestions(FileFormat):
    """What a threshold is chosen by: a model's answers to validation questions of a corpus, scored by a verifier.

    Each SHA-256 is over the files that decide the answers or the support.
    """

    model_sha256: str
    verifier_sha256: str
    is_guarded: bool
    dataset_revision: str
    questions: int
    papers: int


class Abstention(AbstentionQuestions):
    """The content of abstention.json: the `threshold` of the support below which `eval answer` withholds an answer.

    A foreign question is a question on one paper, asked of the abstract of another paper. `answered` and
    `foreign_answered` are the shares (0 to 1) of the questions and of as many foreign questions that are answered.
    """

    threshold: float
    answered: float
    foreign_answered: float


def read_abstention(folder: Path) -> Abstention | None:
    """Return the threshold in the folder of a verifier, None without one; raises `InputError` for a damaged file."""
    path = folder / ABSTENTION_FILE
    return read_format(Abstention, path, REMEDY) if path.is_file() else None


def choose_threshold(supports: Sequence[float]) -> float:
    """Return the highest threshold at which at least the share `ANSWERED` of the answers is not withheld."""
    return sorted(supports, reverse=True)[math.ceil(ANSWERED * len(supports)) - 1]


def foreign_questions(questions: Sequence[CorpusQuestion]) -> list[Question]:
    """Return each question, asked of the abstract of another paper; the questions are on at least two papers.

    The other paper is the one with the next SHA-256 of its id, so that it is seldom a related one.
    """
    contexts = {question.paper_id: question.context for question in questions}
    order = sorted(contexts, key=sha256_of_text)
    following = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [
        Question(question.instruction, contexts[following[question.paper_id]], question.question)
        for question in questions
    ]


def share_answered(supports: Sequence[float], threshold: float) -> float:
    """Return the share (0 to 1) of the answers that are not withheld."""
    return sum(support >= threshold for support in supports) / len(supports)
