"""What is measured of an answer beside its embedding: words, numbers, length."""

from __future__ import annotations

import math
import re
import string
from collections import Counter

# Measures of an answer against its reference, in the order of tables, as they are called in scores.json.
HEADLINE = "cosine_similarity"
TITLES = {
    HEADLINE: "similarity",
    "cosine_similarity_2": "similarity, second encoder",
    "cross_encoder": "cross-encoder",
    "rouge_l": "ROUGE-L",
    "token_f1": "token F1",
    "number_match": "numbers right",
    "length_ratio": "length ratio",
}
# Measures that are 1 or 0 of each answer, so that their mean is a share.
SHARES = ("number_match",)
# Past these ends a mean cannot lie: of words in common there are none at least and all at most.
ENDS = {HEADLINE: (-1, 1), "rouge_l": (0, 1), "token_f1": (0, 1), "length_ratio": (0, math.inf)}
ARTICLES = re.compile(r"\b(a|an|the)\b")
# A number, but not the one in a name such as DDR4 or GPT-2.
NUMBER = re.compile(r"(?<![A-Za-z0-9.])(?<![A-Za-z]-)(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?")


def title(measure: str) -> str:
    """Return what tables call a measure."""
    if measure.startswith(f"{HEADLINE}_"):
        return f"similarity, encoder {measure.rpartition('_')[2]}"
    return TITLES[measure]


def ends(measure: str) -> tuple[float, float]:
    """Return the lowest and the highest mean that a measure can have."""
    return ENDS.get(HEADLINE if measure.startswith(HEADLINE) else measure, (-math.inf, math.inf))


def lexical_metrics(answers: list[str | None], references: list[str]) -> dict[str, list[float | None]]:
    """Return ROUGE-L, token F1, number match and length ratio of each answer; None where one does not apply.

    ROUGE-L is the F-measure with stemming of the library rouge_score (Lin 2004, https://aclanthology.org/W04-1013).
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    pairs = list(zip(answers, references, strict=True))
    return {
        "rouge_l": [None if one is None else scorer.score(other, one)["rougeL"].fmeasure for one, other in pairs],
        "token_f1": [None if one is None else token_f1(one, other) for one, other in pairs],
        "number_match": [None if one is None else number_match(one, other) for one, other in pairs],
        "length_ratio": [None if one is None else len(one.split()) / len(other.split()) for one, other in pairs],
    }


def token_f1(answer: str, reference: str) -> float:
    """Return the F1 of the words in common, without case, punctuation and articles, as SQuAD counts them.

    Rajpurkar et al. 2016, https://aclanthology.org/D16-1264.
    """
    given, wanted = (Counter(_words(text)) for text in (answer, reference))
    common = (given & wanted).total()
    return 2 * common / (given.total() + wanted.total()) if common else 0.0


def number_match(answer: str, reference: str) -> float | None:
    """Return 1.0 if the answer names the numbers of the reference and no other, else 0.0; None if it has none.

    Numbers are compared as numbers (1,000 is 1000.0), each once, in any order; those written as words do not count.
    """
    wanted = numbers(reference)
    return float(numbers(answer) == wanted) if wanted else None


def numbers(text: str) -> set[float]:
    """Return the numbers written in digits in a text."""
    return {float(number.replace(",", "")) for number in NUMBER.findall(text)}


def _words(text: str) -> list[str]:
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return ARTICLES.sub(" ", bare).split()
