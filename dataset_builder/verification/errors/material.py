"""Define what the rules make a wrong answer from, and replace parts of a text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builder.grounding.names import FUNCTION_WORDS, mentioned_names
from dataset_builder.text import words


@dataclass(frozen=True)
class Material:
    """A right answer to a question on an abstract, with other answers that the rules may use.

    `other_answers` are right answers to other questions on the paper, `foreign_answers` are on other papers.
    """

    context: str
    question: str
    answer: str
    other_answers: Sequence[str] = ()
    foreign_answers: Sequence[str] = ()


def replace_span(text: str, start: int, end: int, replacement: str) -> str:
    """Return `text` with `replacement` from `start` to `end`."""
    return f"{text[:start]}{replacement}{text[end:]}"


def match_case(replacement: str, original: str) -> str:
    """Return `replacement` with a capital first letter if `original` has one."""
    return replacement[0].upper() + replacement[1:] if original[:1].isupper() else replacement


def within_sentence(clause: str) -> str:
    """Return the beginning of a sentence as it is written within one: in lower case, unless it is a name."""
    first = clause.split()[0]
    return clause if first in mentioned_names(clause)[:1] else clause[0].lower() + clause[1:]


def replace_words(text: str, replacements: dict[str, str]) -> list[str]:
    """Return a text for each occurrence of a key of `replacements` in `text`, which has the value in its place.

    Keys are whole words or runs of words in lower case. The longest key that fits is taken.
    """
    keys = sorted(replacements, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, keys))})(?![\w-])", re.IGNORECASE)
    return [
        replace_span(text, *match.span(), match_case(replacements[match[0].lower()], match[0]))
        for match in pattern.finditer(text)
    ]


def content_words(text: str) -> set[str]:
    """Return the words of `text` in lower case, without function words."""
    return set(words(text)) - FUNCTION_WORDS


def overlap(first: str, second: str) -> float:
    """Return the share of the content words of the shorter text that the other one has, from 0 to 1."""
    smaller, larger = sorted((content_words(first), content_words(second)), key=len)
    return len(smaller & larger) / len(smaller) if smaller else 0.0
