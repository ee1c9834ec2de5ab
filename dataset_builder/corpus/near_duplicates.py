"""Count the test texts that have a near-duplicate in the training split."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction
from itertools import count
from typing import NamedTuple

from dataset_builder.text import ngrams, words

# Two texts are near-duplicates if the Jaccard similarity of their sets of two-word runs is at least this. Between test
# and training papers of 806 real ISCA abstracts it is at most 0.07, and between questions on them at most 0.5 (one
# of 467).
NEAR_DUPLICATE = Fraction(1, 2)
NUMERATOR, DENOMINATOR = NEAR_DUPLICATE.as_integer_ratio()
RUN_LENGTH = 2

# The runs of a text, each as a number, which takes less memory than the words.
Runs = frozenset[int]


class PaperQuote(NamedTuple):
    """A text with the id of the paper that it is about."""

    paper_id: str
    text: str


def count_near_duplicates(test: Iterable[PaperQuote], train: Iterable[PaperQuote]) -> int:
    """Return how many of the `test` texts have a near-duplicate on another paper among the `train` texts.

    The search is exact, and its time is nearly linear in the number of texts: two near-duplicates share at least one
    run in their prefixes, the rarest runs of each, so only texts with a shared rare run are compared (prefix
    filtering: Bayardo, Ma, Srikant, Scaling Up All Pairs Similarity Search, 2007).
    """
    numbers: defaultdict[tuple[str, ...], int] = defaultdict(count().__next__)

    def runs_of(text: str) -> Runs:
        # A text of one word is compared as a whole.
        return frozenset(numbers[run] for run in ngrams(text, RUN_LENGTH)) or frozenset({numbers[tuple(words(text))]})

    papers: dict[Runs, set[str]] = defaultdict(set)
    for paper_id, text in train:
        papers[runs_of(text)].add(paper_id)
    frequencies = Counter(run for runs in papers for run in runs)
    owners: dict[int, list[Runs]] = defaultdict(list)
    for runs in papers:
        for run in _prefix(runs, frequencies):
            owners[run].append(runs)
    near_duplicates = 0
    for paper_id, text in test:
        runs = runs_of(text)
        candidates = {other for run in _prefix(runs, frequencies) for other in owners.get(run, ())}
        near_duplicates += any(papers[other] - {paper_id} for other in candidates if _are_near_duplicates(runs, other))
    return near_duplicates


def _prefix(runs: Runs, frequencies: Counter[int]) -> list[int]:
    """Return the rarest of the runs: so many that a near-duplicate cannot lack all of them."""
    needed = math.ceil(NEAR_DUPLICATE * len(runs))
    return sorted(runs, key=lambda run: (frequencies[run], run))[: len(runs) - needed + 1]


def _are_near_duplicates(first: Runs, second: Runs) -> bool:
    # In whole numbers, since fractions are slow.
    shared = len(first & second)
    return DENOMINATOR * shared >= NUMERATOR * (len(first) + len(second) - shared)
