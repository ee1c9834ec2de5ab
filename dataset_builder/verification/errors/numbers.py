"""Make errors in the numbers of an answer: another number, or a number of the abstract in a wrong role."""

import re
from dataclasses import dataclass

from dataset_builder.grounding.quantities import supporting_numbers
from dataset_builder.text import NUMBER
from dataset_builder.verification.errors.material import Material, replace_span

PERCENT = re.compile(r"\s?(?:%|percent\b)", re.IGNORECASE)
TIMES = re.compile(r"\s?[xX\u00d7](?![\w])|\s?times\b|-?\s?fold\b")
NEXT_WORD = re.compile(r"[\s-]?([A-Za-z]+)")
# Two numbers of a list or a range: exchanging them may leave the sense as it was.
LISTED = re.compile(r"[\s\w%\u00d7]{0,12}(?:,|\b(?:and|or|to|/))\s*(?:a|an|the|by)?\s*")
# Factors that make a number plausible and clearly different.
FACTORS = (0.5, 0.7, 1.4, 2.0)


@dataclass(frozen=True)
class Quantity:
    """A number in a text: its place, its digits, and its unit ("%", "times", the next word, or "")."""

    start: int
    end: int
    digits: str
    unit: str

    @property
    def value(self) -> float:
        """Return the value of the digits."""
        return float(self.digits.replace(",", ""))


def find_quantities(text: str) -> list[Quantity]:
    """Return the numbers in digits of `text`, without those in names."""
    return [Quantity(*match.span(), match[0], _unit(text, match.end())) for match in NUMBER.finditer(text)]


def changed_numbers(material: Material) -> list[str]:
    """Return the answer with one number changed to a number that neither the abstract nor the question has."""
    known = supporting_numbers(f"{material.context} {material.question} {material.answer}")
    return [
        replace_span(material.answer, quantity.start, quantity.end, changed)
        for quantity in find_quantities(material.answer)
        for factor in FACTORS
        if (changed := _scaled(quantity.digits, factor)) is not None and float(changed.replace(",", "")) not in known
    ]


def exchanged_numbers(material: Material) -> list[str]:
    """Return the answer with a number in a wrong role.

    Two numbers with the same unit are exchanged, or a number of the abstract that the answer lacks replaces one with
    the same unit.
    """
    answer, found = material.answer, find_quantities(material.answer)
    wrong = [
        replace_span(
            replace_span(answer, second.start, second.end, first.digits), first.start, first.end, second.digits
        )
        for number, first in enumerate(found)
        for second in found[number + 1 :]
        if first.unit == second.unit
        and first.value != second.value
        and not LISTED.fullmatch(answer, first.end, second.start)
    ]
    present = {quantity.value for quantity in found}
    others = {quantity.digits: quantity for quantity in find_quantities(material.context)}
    return wrong + [
        replace_span(answer, quantity.start, quantity.end, other.digits)
        for quantity in found
        for other in others.values()
        if quantity.unit and quantity.unit == other.unit and other.value not in present
    ]


def _unit(text: str, end: int) -> str:
    if PERCENT.match(text, end):
        return "%"
    if TIMES.match(text, end):
        return "times"
    following = NEXT_WORD.match(text, end)
    return following[1].lower() if following else ""


def _scaled(digits: str, factor: float) -> str | None:
    """Return a number scaled by `factor`, written with as many decimals as `digits`; None for zero and no change."""
    decimals = len(digits.partition(".")[2])
    value = float(digits.replace(",", ""))
    scaled = f"{value * factor:,.{decimals}f}" if "," in digits else f"{value * factor:.{decimals}f}"
    return scaled if float(scaled.replace(",", "")) not in (0.0, value) else None
