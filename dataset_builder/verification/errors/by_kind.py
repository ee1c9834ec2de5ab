"""Map each kind of error to the rule that makes it."""

from collections.abc import Callable

from dataset_builder.verification.errors.answers import answers_on_other_papers, answers_to_other_questions
from dataset_builder.verification.errors.comparisons import (
    changed_baselines,
    changed_directions,
    changed_statistics,
    changed_units,
)
from dataset_builder.verification.errors.material import Material
from dataset_builder.verification.errors.names import exchanged_names
from dataset_builder.verification.errors.numbers import changed_numbers, exchanged_numbers
from dataset_builder.verification.errors.statements import changed_causes, changed_scopes, negated_statements
from dataset_builder.verification.example import ErrorKind

# A rule returns every wrong answer that it can make. No rule makes the kind "unsupported", which needs an author.
RULES: dict[ErrorKind, Callable[[Material], list[str]]] = {
    "number-changed": changed_numbers,
    "number-role": exchanged_numbers,
    "unit": changed_units,
    "statistic": changed_statistics,
    "baseline": changed_baselines,
    "entity-role": exchanged_names,
    "direction": changed_directions,
    "negation": negated_statements,
    "cause": changed_causes,
    "scope": changed_scopes,
    "other-question": answers_to_other_questions,
    "other-paper": answers_on_other_papers,
}


def wrong_answers(kind: ErrorKind, material: Material) -> list[str]:
    """Return the wrong answers of a kind, each once, without the right answer.

    An answer to another question can be a sentence of the abstract or another right answer. The answers of other kinds
    are neither.
    """
    right = {material.answer, *material.other_answers} if kind != "other-question" else {material.answer}
    found = dict.fromkeys(RULES[kind](material))
    if kind != "other-question":
        found = {answer: None for answer in found if answer.rstrip(".") not in material.context}
    return [answer for answer in found if answer not in right]
