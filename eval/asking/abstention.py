"""Choose the lowest relevance at which a model is asked a question, and keep it in the model's folder.

The relevance is the highest similarity of the question to a sentence of the abstract. It needs no answer.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from dataset_builder.corpus.questions import CorpusQuestion, Question
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import FileFormat, read_format
from dataset_builder.grounding.check import nearest_sentence_similarities
from dataset_builder.models.folders import EncoderFolder, ModelFolder
from dataset_builder.tables import Table

if TYPE_CHECKING:
    from eval.metrics.embedding import Encoder

ABSTENTION_FILE = "abstention.json"
REMEDY = "choose the threshold of a folder with `python -m eval choose-threshold`"


class AskedShares(FileFormat):
    """The share (0 to 1) of `questions` that are asked at a threshold, and of an equal number of foreign questions.

    A foreign question is a question on one paper, asked of the abstract of another paper. `foreign_asked` is null if
    the questions are on one paper only.
    """

    questions: int
    asked: float
    foreign_asked: float | None


class Abstention(FileFormat):
    """The content of abstention.json: the `threshold` of the relevance below which a question is not asked.

    The relevance of a question is its highest cosine similarity (-1 to 1) to a sentence of the abstract, by `encoder`.
    The threshold was chosen by `questions` on `papers` of the validation split. `asked` is the share of these
    questions that are asked, and `foreign_asked` the share of an equal number of foreign questions, as in
    `AskedShares`. `test` has these shares for the test questions by config, which took no part in the choice.
    `least_asked` is the smallest value of `asked` that was allowed. `encoder_sha256` is over the files of the encoder;
    it is null in a file of an earlier version.
    """

    encoder: str
    encoder_sha256: str | None = None
    dataset_revision: str
    questions: int
    papers: int
    threshold: float
    asked: float
    foreign_asked: float | None
    test: dict[str, AskedShares] = Field(default_factory=dict)
    least_asked: float | None = None


def asked_table(found: Abstention) -> Table:
    """Return a table of the shares that are asked at the threshold, by split and config."""
    rows: list[tuple[str, Abstention | AskedShares]] = [("validation", found)]
    rows += [(f"test by {config}", shares) for config, shares in found.test.items()]
    heading = ["questions", "number", "asked of their own abstract", "asked of another paper's abstract"]
    return heading, [
        [
            name,
            str(shares.questions),
            f"{shares.asked:.1%}",
            "" if shares.foreign_asked is None else f"{shares.foreign_asked:.1%}",
        ]
        for name, shares in rows
    ]


def find_relevances(questions: Sequence[Question], encoder: "Encoder") -> list[float]:
    """Return the highest cosine similarity (-1 to 1) of each question to a sentence of its abstract."""
    abstracts = [" ".join(one.context.split()) for one in questions]
    return nearest_sentence_similarities(encoder.embed, [one.question for one in questions], abstracts)


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


def relevance_threshold(relevances: Sequence[float], asked: float) -> float:
    """Return the highest threshold at which at least the share `asked` (above 0, to 1) of the questions is asked."""
    return sorted(relevances, reverse=True)[max(1, math.ceil(round(asked * len(relevances), 9))) - 1]


def foreign_questions(questions: Sequence[CorpusQuestion]) -> list[Question]:
    """Return each question, asked of the abstract of another paper; none if the questions are on one paper only.

    The other paper is the one with the next SHA-256 of its id, so that it is seldom a related one.
    """
    contexts = {question.paper_id: question.context for question in questions}
    if len(contexts) < 2:
        return []
    order = sorted(contexts, key=sha256_of_text)
    following = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [
        Question(question.instruction, contexts[following[question.paper_id]], question.question)
        for question in questions
    ]


def asked_shares(own: Sequence[float], foreign: Sequence[float], threshold: float) -> AskedShares:
    """Return the shares of own and foreign questions that are asked at `threshold`, by their relevances."""
    return AskedShares(
        questions=len(own),
        asked=_share_asked(own, threshold),
        foreign_asked=_share_asked(foreign, threshold) if foreign else None,
    )


def _share_asked(relevances: Sequence[float], threshold: float) -> float:
    return sum(relevance >= threshold for relevance in relevances) / len(relevances)
