"""Find papers that are listed twice under different ids."""

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import NamedTuple

from dataset_builder.text import ngrams, words

# The share of 8-grams from which two abstracts are versions of one. Between two of 806 real ISCA abstracts it is at
# most 0.042.
SAME_ABSTRACT = 0.5


class PaperText(NamedTuple):
    """The texts by which a paper is recognised."""

    paper_id: str
    title: str
    abstract: str


def find_copies(papers: Collection[PaperText], others: Collection[PaperText]) -> set[str]:
    """Return the ids of the `papers` that are also among `others`, under the same or another id.

    Two papers are the same if they have the same words in the title, or if the shorter abstract shares at least half
    of its runs of eight words with the longer one.
    """
    titles = {" ".join(words(other.title)) for other in others} - {""}
    abstracts = [_ngrams(other.abstract) for other in others]
    owners: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, abstract in enumerate(abstracts):
        for ngram in abstract:
            owners[ngram].append(number)
    copies = set()
    for paper in papers:
        abstract = _ngrams(paper.abstract)
        shared = Counter(number for ngram in abstract for number in owners.get(ngram, ()))
        if " ".join(words(paper.title)) in titles or any(
            count >= SAME_ABSTRACT * min(len(abstract), len(abstracts[number])) for number, count in shared.items()
        ):
            copies.add(paper.paper_id)
    return copies


def _ngrams(abstract: str) -> set[tuple[str, ...]]:
    # A shorter abstract has no run of eight words and is compared as a whole.
    return set(ngrams(abstract)) or {tuple(words(abstract))}
