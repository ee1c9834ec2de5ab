"""Count the test texts that have a near-duplicate in the training split."""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dataset_builder.corpus.overlap.word_runs import WordRuns

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Two texts are near-duplicates if the Jaccard similarity of their sets of two-word runs is at least this. Between test
# and training papers of 806 real ISCA abstracts it is at most 0.07, and between questions on them at most 0.5 (one
# of 467).
NEAR_DUPLICATE = Fraction(1, 2)
NUMERATOR, DENOMINATOR = NEAR_DUPLICATE.as_integer_ratio()
RUN_LENGTH = 2
# So many test texts, and so many pairs of texts, are compared at once: it bounds the memory.
TEXTS_AT_ONCE = 200
PAIRS_AT_ONCE = 10_000


class PaperQuote(NamedTuple):
    """A text with the id of the paper that it is about."""

    paper_id: str
    text: str


def count_near_duplicates(
    test: Iterable[PaperQuote], train: Iterable[PaperQuote], runs: WordRuns | None = None
) -> int:
    """Return how many of the `test` texts have a near-duplicate on another paper among the `train` texts.

    A text of one word is compared as a whole. `runs` has the two-word runs of all texts, if they are numbered already.

    The search is exact, and its time is nearly linear in the number of texts: two near-duplicates share at least one
    run in their prefixes, the rarest runs of each, so only texts with a shared rare run are compared (prefix
    filtering: Bayardo, Ma, Srikant, Scaling Up All Pairs Similarity Search, 2007).
    """
    test = list(test)
    papers: dict[str, set[str]] = defaultdict(set)
    for paper_id, text in train:
        papers[text].add(paper_id)
    runs = runs or WordRuns((*(quote.text for quote in test), *papers), RUN_LENGTH)
    known = runs.counts(papers).sign()
    rarity = np.argsort(np.argsort(known.sum(axis=0), kind="stable")).astype(known.indices.dtype)
    own = runs.counts(quote.text for quote in test).sign()
    own_prefixes, known_prefixes = _prefixes(own, rarity), _prefixes(known, rarity).T.tocsr()
    papers_of_text = list(papers.values())
    near_duplicates = 0
    for start in range(0, len(test), TEXTS_AT_ONCE):
        pairs = (own_prefixes[start : start + TEXTS_AT_ONCE] @ known_prefixes).tocoo()
        row = pairs.row + start
        near = _are_near_duplicates(own, known, row, pairs.col)
        found = {
            int(number)
            for number, other in zip(row[near], pairs.col[near], strict=True)
            if papers_of_text[other] - {test[number].paper_id}
        }
        near_duplicates += len(found)
    return near_duplicates


def _prefixes(texts: "csr_array", rarity: np.ndarray) -> "csr_array":
    """Return the rarest of the runs of each text: so many that a near-duplicate cannot lack all of them."""
    from scipy.sparse import csr_array

    ranked = csr_array((texts.data, rarity[texts.indices], texts.indptr), shape=texts.shape)
    ranked.sort_indices()
    sizes = np.diff(ranked.indptr)
    position = np.arange(ranked.nnz) - np.repeat(ranked.indptr[:-1], sizes)
    needed = -(-sizes * NUMERATOR // DENOMINATOR)  # rounded up
    kept = sizes - needed + 1
    in_prefix = position < np.repeat(kept, sizes)
    bounds = np.concatenate([[0], np.cumsum(kept)]).astype(ranked.indices.dtype)
    return csr_array((ranked.data[in_prefix], ranked.indices[in_prefix], bounds), shape=texts.shape)


def _are_near_duplicates(
    first: "csr_array", second: "csr_array", first_rows: np.ndarray, second_rows: np.ndarray
) -> np.ndarray:
    """Return for each pair of rows whether the two texts are near-duplicates."""
    near = np.zeros(len(first_rows), dtype=bool)
    first_sizes, second_sizes = np.diff(first.indptr), np.diff(second.indptr)
    for start in range(0, len(near), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        one, other = first_rows[part], second_rows[part]
        shared = first[one].multiply(second[other]).sum(axis=1)
        # In whole numbers: DENOMINATOR * shared >= NUMERATOR * the size of the union.
        near[part] = DENOMINATOR * shared >= NUMERATOR * (first_sizes[one] + second_sizes[other] - shared)
    return near
