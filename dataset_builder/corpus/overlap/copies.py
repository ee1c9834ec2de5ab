"""Find papers that are listed twice under different ids."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from dataset_builder.corpus.overlap.word_runs import WordRuns
from dataset_builder.text import NGRAM_LENGTH, words

# The share of 8-grams from which two abstracts are versions of one. Between two of 806 real ISCA abstracts it is at
# most 0.042.
SAME_ABSTRACT = 0.5
# So many papers are compared with all others at once: it bounds the memory.
PAPERS_AT_ONCE = 1000


class PaperText(NamedTuple):
    """The texts by which a paper is recognised."""

    paper_id: str
    title: str
    abstract: str


def find_copies(
    papers: Collection[PaperText], others: Collection[PaperText], runs: WordRuns | None = None
) -> set[str]:
    """Return the ids of the `papers` that are also among `others`, under the same or another id.

    Two papers are the same if they have the same words in the title, or if the shorter abstract shares at least half
    of its runs of eight words with the longer one. A shorter abstract is compared as a whole. `runs` has the runs of
    eight words of all abstracts, if they are numbered already.
    """
    runs = runs or WordRuns((paper.abstract for paper in (*papers, *others)), NGRAM_LENGTH)
    titles = {" ".join(words(other.title)) for other in others} - {""}
    copies = {paper.paper_id for paper in papers if " ".join(words(paper.title)) in titles}
    ids = np.array([paper.paper_id for paper in papers], dtype=object)
    own, known = (runs.counts(paper.abstract for paper in group).sign() for group in (papers, others))
    own_sizes, known_sizes = (np.diff(matrix.indptr) for matrix in (own, known))
    owners = known.T.tocsr()
    for start in range(0, len(ids), PAPERS_AT_ONCE):
        shared = (own[start : start + PAPERS_AT_ONCE] @ owners).tocoo()
        row = shared.row + start
        is_copy = shared.data >= SAME_ABSTRACT * np.minimum(own_sizes[row], known_sizes[shared.col])
        copies.update(ids[row[is_copy]])
    return copies
