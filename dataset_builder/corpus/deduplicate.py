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
    of its runs of eight words with the longer one. An abstract of fewer words is compared as a whole.
    """
    titles = {" ".join(words(other.title)) for other in others} - {""}
    runs_of_others = [_runs(other.abstract) for other in others]
    others_with_run: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, runs in enumerate(runs_of_others):
        for run in runs:
            others_with_run[run].append(number)
    copies = set()
    for paper in papers:
        runs = _runs(paper.abstract)
        shared = Counter(number for run in runs for number in others_with_run.get(run, ()))
        same_abstract = any(
            count >= SAME_ABSTRACT * min(len(runs), len(runs_of_others[number])) for number, count in shared.items()
        )
        if same_abstract or " ".join(words(paper.title)) in titles:
            copies.add(paper.paper_id)
    return copies


def _runs(abstract: str) -> set[tuple[str, ...]]:
    return set(ngrams(abstract)) or {tuple(words(abstract))}
