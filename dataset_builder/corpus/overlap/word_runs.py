"""Count the runs of words of many texts, to find what the texts have in common."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from dataset_builder.text import words

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class WordRuns:
    """The runs of `length` words (a power of two) of `texts`, in lower case and without punctuation.

    A text with fewer words has one run, of all its words. A run is kept as a number, which takes less memory than its
    words: 1.2 kB for an abstract.
    """

    def __init__(self, texts: Iterable[str], length: int) -> None:
        distinct = list(dict.fromkeys(texts))
        self._length = length
        self._rows = {text: row for row, text in enumerate(distinct)}
        self._counts, self._words = _count_runs(distinct, length)

    def counts(self, texts: Iterable[str]) -> "csr_array":
        """Return how often each run is in each of these texts, which are some of all: a matrix (texts, all runs)."""
        return self._counts[np.array([self._rows[text] for text in texts], dtype=np.int64)]

    def is_short(self, text: str) -> bool:
        """Return whether one of the texts has fewer than `length` words."""
        return bool(self._words[self._rows[text]] < self._length)


def _count_runs(texts: list[str], length: int) -> tuple["csr_array", np.ndarray]:
    """Return the counts of the runs, (texts, runs), and the number of words of each text.

    The words are numbered, then the runs of two words by the numbers of their halves, then those of four, and so on:
    Karp, Miller, Rosenberg, Rapid identification of repeated patterns in strings, trees and arrays, 1972.
    """
    from scipy.sparse import csr_array, get_index_dtype

    numbers: defaultdict[str, int] = defaultdict(count(1).__next__)
    lengths = np.zeros(len(texts), dtype=np.int64)
    numbered = array("i")
    for row, text in enumerate(texts):
        of_text = [numbers[word] for word in words(text)]
        lengths[row] = len(of_text)
        # A shorter text is filled up to one run, with a number that no word has.
        numbered.extend(of_text + [0] * (length - len(of_text)))
    sizes = np.maximum(lengths, length)
    runs = np.frombuffer(numbered, dtype=np.int32)
    del numbered
    step = 1
    while step < length:
        runs = _ranks(runs[:-step] * (runs.max(initial=0) + np.int64(1)) + runs[step:])
        step *= 2
    # The last run of a text ends with the text.
    index = get_index_dtype(maxval=len(runs))
    ends = np.repeat(np.cumsum(sizes, dtype=index), sizes)[: len(runs)]
    runs = runs[np.arange(length, len(runs) + length, dtype=index) <= ends]
    bounds = np.concatenate([[0], np.cumsum(sizes - length + 1)])
    ones = np.ones(len(runs), dtype=np.int32)
    shape = (len(texts), int(runs.max(initial=-1)) + 1)
    counts = csr_array((ones, runs.astype(index), bounds.astype(index)), shape=shape)
    counts.sum_duplicates()
    return counts, lengths


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value among the distinct ones, int32.

    By sorting, because a hash table of as many distinct values takes more memory.
    """
    order = np.argsort(values)
    values = values[order]
    is_new = values[1:] != values[:-1]
    del values
    ranks = np.zeros(len(order), dtype=np.int32)
    ranks[order[1:]] = np.cumsum(is_new, dtype=np.int32)
    return ranks
