"""Find the numbers that a text mentions, in digits and in words, with the values that each of them may have."""

import re
from collections import defaultdict
from collections.abc import Iterable

from dataset_builder.text import NUMBER, numbers, words

UNITS = "one two three four five six seven eight nine"
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL_NUMBERS = {word: value for value, word in enumerate(f"{UNITS} {TEENS}".split(), start=1)} | {
    word: value for value, word in zip(range(20, 100, 10), TENS.split(), strict=True)
}
HUNDREDS = {"dozen": 12, "hundred": 100}
THOUSANDS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
# The other values are other ways to write the first one: half is 50 %, 0.5, or a factor of 2.
MULTIPLES: dict[str, tuple[float, ...]] = {
    **{word: (2,) for word in ("double", "doubles", "doubled", "doubling", "twice")},
    **{word: (3,) for word in ("triple", "triples", "tripled", "tripling", "thrice")},
    **{word: (4,) for word in ("quadruple", "quadruples", "quadrupled", "quadrupling")},
    **{word: (50, 0.5, 2) for word in ("half", "halve", "halves", "halved", "halving")},
    **{word: (25, 0.25, 4) for word in ("quarter", "quarters")},
}


def _any(names: Iterable[str]) -> str:
    return f"(?:{'|'.join(names)})"


_SMALL = rf"(?:{_any(TENS.split())}(?:[\s-]{_any(UNITS.split())})?|{_any(UNITS.split())}|{_any(TEENS.split())})"
_DIGITS = r"(?<![\w.,])\d[\d,]*(?:\.\d+)?"
_HUNDREDS, _THOUSANDS = rf"[\s-]?{_any(HUNDREDS)}", rf"[\s-]?{_any(THOUSANDS)}"
# Two hundred; two hundred and five, but not the beginning of "two hundred and five hundred".
_BELOW_1000 = rf"(?:{_SMALL}?{_HUNDREDS}(?:[\s-](?:and\s)?{_SMALL}\b(?!{_HUNDREDS}))?|{_SMALL})"
_THOUSAND = rf"(?:{_BELOW_1000}|{_DIGITS})?{_THOUSANDS}"
SPELLED = re.compile(
    rf"\b(?:{_THOUSAND}(?:\s{_THOUSAND})*(?:\s(?:and\s)?{_BELOW_1000}\b(?!{_THOUSANDS}))?|{_BELOW_1000}|"
    rf"{_DIGITS}{_HUNDREDS})(?:-?fold)?\b"
)
# Every match of SPELLED has such a word, and every other number has a digit. Both are faster to find.
NUMBER_WORD = re.compile(rf"(?<![a-z]){_any([*SMALL_NUMBERS, *HUNDREDS, *THOUSANDS])}")
DIGIT = re.compile(r"\d")
SUPERSCRIPTS = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b", "0123456789-")
SUPERSCRIPT = re.compile("(?<=[0-9])[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+")
POWER = re.compile(r"(?<![\w.])([1-9]\d{0,2})\s?\^\s?\{?([-\u2212\u2013]?\d{1,2})(?!\d)")
# Publishers lose the superscript of 10^-4: it reads 10-4 or 10 -4, and also 104.
LOST_POWER = re.compile(r"(?<![\w.])10((?:\s|(?=[-\u2212\u2013]))[-\u2212\u2013]?\d{1,2})(?![.,]?\d)")
# After a number: 4K is 4, 4000 or 4096.
PREFIX = re.compile(r"\s?([kmgt])(?:i?b)?\b")
# Between a name and its number: DDR4, GPT-2. Also in ranges such as 2x-3x.
NAME_BEFORE_NUMBER = re.compile(r"(?<=[a-z])[-.]?(?=\d)")
# A decimal point without digits before it, or the second point of a version such as 2.6.32.
BARE_POINT = re.compile(r"(^|[^a-z0-9]|\d\.\d+)\.(?=\d)")


def mentioned_numbers(text: str) -> dict[float, set[float]]:
    """Return the numbers that `text` mentions, each with all values that it may have.

    Numbers count by value: 1,000 is 1000 and 2.50x is 2.5. The numbers in names count, too, such as 4 in DDR4. "One"
    and "zero" do not count, since they are seldom meant as numbers.
    """
    found: dict[float, set[float]] = defaultdict(set)
    text = SUPERSCRIPT.sub(lambda match: f"^{match[0].translate(SUPERSCRIPTS)}", text.lower())
    for word in words(text):
        if values := MULTIPLES.get(word):
            found[values[0]].update(values)
    if NUMBER_WORD.search(text):
        text = SPELLED.sub(_in_digits, text)
    if not DIGIT.search(text):
        return found
    for base, exponent in POWER.findall(text):
        value = _power(base, exponent)
        found[value] |= {value, float(base + exponent.lstrip("-\u2212\u2013"))}
    # `numbers` skips the number in a name, so separate them first.
    text = BARE_POINT.sub(r"\1 0.", NAME_BEFORE_NUMBER.sub(" ", POWER.sub(" ", text)))
    for number in numbers(text):
        found[number].add(number)
    for match in NUMBER.finditer(text):
        if prefix := PREFIX.match(text, match.end()):
            number, power = float(match[0].replace(",", "")), "kmgt".index(prefix[1]) + 1
            found[number] |= {number * 1000**power, number * 1024**power}
    return found


def supporting_numbers(source: str) -> set[float]:
    """Return the values that `source` supports: its numbers, and the parts of its powers."""
    known = set().union(*mentioned_numbers(source).values()) | numbers(source)
    return known | {_power("10", exponent) for exponent in LOST_POWER.findall(source)}


def _power(base: str, exponent: str) -> float:
    value = float(base) ** int(exponent.replace("\u2212", "-").replace("\u2013", "-"))
    return float(f"{value:.12g}")


def _in_digits(match: re.Match[str]) -> str:
    """Return a number in words as digits."""
    if match[0] == "one":
        return match[0]
    total = group = 0.0
    for word in re.findall(r"[\d.,]+|[a-z]+", match[0].removesuffix("fold")):
        if word in HUNDREDS:
            group = (group or 1.0) * HUNDREDS[word]
        elif word in THOUSANDS:
            total, group = total + (group or 1.0) * THOUSANDS[word], 0.0
        else:
            group += float(word.replace(",", "")) if word[0].isdigit() else SMALL_NUMBERS.get(word, 0)
    return f" {total + group:f}"
