"""Divide questions into groups: by year of the paper, by kind of question, by length of the reference answer."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataset_builder.corpus.questions import CorpusQuestion

# "How much" asks for a number. It comes first, because "how" and "what" would match these questions too.
KINDS = {
    "how much": r"how (?:many|much|far|fast|large|big|long|often|small|high|low)|(?:what|which) "
    r"(?:percentage|percent|fraction|factor|share|proportion|number|speedup)",
    "what": r"what",
    "how": r"how",
    "why": r"why",
    "which": r"which",
}
OTHER = "other"
QUESTION_WORD = re.compile("|".join(rf"\b({words})\b" for words in KINDS.values()))
LENGTH_GROUPS = 3


@dataclass(frozen=True)
class QuestionGroups:
    """The numbers of the questions in each group, by the label of the group, in the order of tables."""

    by_year: dict[str, list[int]]
    by_kind: dict[str, list[int]]
    by_length: dict[str, list[int]]


def group_questions(questions: Sequence[CorpusQuestion]) -> QuestionGroups:
    """Return the groups of the questions of one config."""
    return QuestionGroups(
        by_year=_group([str(question.year) for question in questions], int),
        by_kind=_group([question_kind(question.question) for question in questions], [*KINDS, OTHER].index),
        by_length=_group(
            length_groups([question.answer for question in questions]), lambda label: int(re.split(r"\D", label)[0])
        ),
    )


def question_kind(question: str) -> str:
    """Return the kind of a question by the first question word in it; "other" if it has none."""
    match = QUESTION_WORD.search(question.lower())
    return list(KINDS)[match.lastindex - 1] if match and match.lastindex else OTHER


def length_groups(references: Sequence[str]) -> list[str]:
    """Return for each reference its group by the number of words ("12-20 words"), of three about equal groups.

    References of the same length are in the same group, so there may be fewer groups.
    """
    lengths = [len(reference.split()) for reference in references]
    ranked = sorted(lengths)
    edges = sorted({ranked[len(ranked) * part // LENGTH_GROUPS] for part in range(1, LENGTH_GROUPS)} - {ranked[0]})
    labels: dict[int, str] = {}
    for low, high in zip([ranked[0], *edges], [*edges, ranked[-1] + 1], strict=True):
        label = f"{low} words" if high == low + 1 else f"{low}-{high - 1} words"
        labels.update(dict.fromkeys(range(low, high), label))
    return [labels[length] for length in lengths]


def _group(labels: Sequence[str], order: Callable[[str], int]) -> dict[str, list[int]]:
    return {
        label: [number for number, own in enumerate(labels) if own == label]
        for label in sorted(set(labels), key=order)
    }
