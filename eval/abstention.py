"""Choose the lowest relevance at which a model is asked a question, and keep it in the model's folder.

The relevance is the highest similarity of the question to a sentence of the abstract. It needs no answer.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.corpus.questions import CorpusQuestion, Question
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import FileFormat, read_format
from dataset_builder.model_folders import EncoderFolder, ModelFolder
from dataset_builder.text import sentences

if TYPE_CHECKING:
    from eval.metrics.embedding import Encoder

ABSTENTION_FILE = "abstention.json"
REMEDY = "choose the threshold of a folder with `python -m eval choose-threshold`"
# The share of the questions on their own abstracts that is asked at the threshold.
ASKED = 0.97


class Abstention(FileFormat):
    """The content of abstention.json: the `threshold` of the relevance below which a question is not asked.

    The relevance of a question is its highest cosine similarity (-1 to 1) to a sentence of the abstract, by `encoder`.
    The threshold was chosen by `questions` on `papers` of the validation split. A foreign question is a question on
    one paper, asked of the abstract of another paper. `asked` and `foreign_asked` are the shares (0 to 1) of the
    questions and of as many foreign questions whose relevance is not below the threshold; `foreign_asked` is null if
    the questions are on one paper only.
    """

    encoder: str
    dataset_revision: str
    questions: int
    papers: int
    threshold: float
    asked: float
    foreign_asked: float | None


def find_relevance(question: str, abstract: str, encoder: "Encoder") -> float:
    """Return the highest cosine similarity (-1 to 1) of the question to a sentence of the abstract."""
    similarities = encoder.embed(sentences(" ".join(abstract.split()))) @ encoder.embed([question])[0]
    return round(min(float(similarities.max()), 1.0), 4)


def read_abstention(folder: Path) -> Abstention | None:
    """Return what the folder of a model says, None without the file; raises `InputError` for a damaged file."""
    path = folder / ABSTENTION_FILE
    return read_format(Abstention, path, REMEDY) if path.is_file() else None


def find_threshold(model: ModelFolder, encoder: EncoderFolder) -> float | None:
    """Return the threshold in the folder of a model, None without one.

    Raises `InputError` for a damaged file, and for a threshold that was chosen by another encoder.
    """
    found = read_abstention(model.path)
    if found and found.encoder != encoder.label:
        problem = f"its threshold was chosen by the encoder {found.encoder}, and {encoder.label} is given"
        remedy = f"give --encoder {found.encoder}, or {REMEDY} for this encoder"
        raise InputError(f"{model.name}={model.given}, {ABSTENTION_FILE}: {problem}; {remedy}")
    return found.threshold if found else None


def relevance_threshold(relevances: Sequence[float]) -> float:
    """Return the highest threshold at which at least the share `ASKED` of the questions is asked."""
    return sorted(relevances, reverse=True)[math.ceil(ASKED * len(relevances)) - 1]


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


def share_asked(relevances: Sequence[float], threshold: float) -> float:
    """Return the share (0 to 1) of the questions that are asked."""
    return sum(relevance >= threshold for relevance in relevances) / len(relevances)
