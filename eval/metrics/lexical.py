"""Compute the metrics that need no encoder: words in common, numbers, length. Name all metrics."""

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from dataset_builder.text import numbers

# The titles of the metrics of scores.json, in the order of tables.
HEADLINE = "cosine_similarity"
TITLES = {
    HEADLINE: "similarity",
    "cosine_similarity_2": "similarity, second encoder",
    "rouge_l": "ROUGE-L",
    "token_f1": "token F1",
    "number_match": "numbers right",
    "number_support": "numbers from the abstract",
    "length_ratio": "length ratio",
}
# The metrics on numbers are 1 or 0 for each answer, so that their mean is a share.
SHARES = ("number_match", "number_support")
# The lowest and the highest possible mean.
RANGES: dict[str, tuple[float, float]] = {
    HEADLINE: (-1, 1),
    "rouge_l": (0, 1),
    "token_f1": (0, 1),
    "length_ratio": (0, math.inf),
}
ARTICLES = re.compile(r"\b(a|an|the)\b")


def title(metric: str) -> str:
    """Return the title of a metric in tables."""
    return TITLES.get(metric, f"similarity, encoder {metric.removeprefix(f'{HEADLINE}_')}")


def mean_range(metric: str) -> tuple[float, float]:
    """Return the lowest and the highest mean that a metric can have."""
    return RANGES.get(HEADLINE if metric.startswith(HEADLINE) else metric, (-math.inf, math.inf))


def lexical_metrics(
    answers: Sequence[str | None], references: Sequence[str], supported: Sequence[set[float]]
) -> dict[str, list[float | None]]:
    """Return the metrics on words, numbers and length of each answer; None where a metric does not apply.

    `supported` has the numbers that the abstract and the question of each answer support. ROUGE-L (Lin 2004,
    https://aclanthology.org/W04-1013) is the F-measure of the longest common subsequence of stems.
    """
    from rouge_score.rouge_scorer import RougeScorer

    rouge = RougeScorer(["rougeL"], use_stemmer=True)
    metrics: dict[str, Callable[[str, str, set[float]], float | None]] = {
        "rouge_l": lambda answer, reference, _: float(rouge.score(reference, answer)["rougeL"].fmeasure),
        "token_f1": lambda answer, reference, _: token_f1(answer, reference),
        "number_match": lambda answer, reference, _: number_match(answer, reference),
        "number_support": lambda answer, _, own: number_support(answer, own),
        "length_ratio": lambda answer, reference, _: len(answer.split()) / len(reference.split()),
    }
    texts = list(zip(answers, references, supported, strict=True))
    return {
        name: [None if answer is None else metric(answer, reference, own) for answer, reference, own in texts]
        for name, metric in metrics.items()
    }


def token_f1(answer: str, reference: str) -> float:
    """Return the F1 of the words in common, without case, punctuation and articles, as SQuAD computes it.

    Rajpurkar et al. 2016, https://aclanthology.org/D16-1264.
    """
    given, wanted = Counter(_squad_words(answer)), Counter(_squad_words(reference))
    common = (given & wanted).total()
    return 2 * common / (given.total() + wanted.total()) if common else 0.0


def number_match(answer: str, reference: str) -> float | None:
    """Return 1.0 if the answer has exactly the numbers of the reference, else 0.0; None if the reference has none.

    The values are compared (1,000 equals 1000.0), in any order; repeated numbers count once. Numbers written as words
    do not count.
    """
    wanted = numbers(reference)
    return float(numbers(answer) == wanted) if wanted else None


def number_support(answer: str, supported: set[float]) -> float:
    """Return 1.0 if every number that the answer writes in digits is one of `supported`, else 0.0.

    The values are compared. The number of a name, such as DDR4, does not count.
    """
    return float(numbers(answer) <= supported)


def _squad_words(text: str) -> list[str]:
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return ARTICLES.sub(" ", bare).split()
