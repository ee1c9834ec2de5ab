"""Choose the examples that people can click on."""

from dataclasses import dataclass

from eval.demo.papers import DemoPapers

# Papers of the corpus with an example.
COUNT = 3
WRITTEN_ABSTRACT = (
    "Page walks slow down programs that use large graphs. We present a cache of partial translations beside the page "
    "table walker. It predicts the next level of the page table from the last two misses. On twelve graph workloads, "
    "our cache shortens page walks by 38 % and speeds the programs up by 11 %, with 6 KB of storage per core."
)


@dataclass(frozen=True)
class Example:
    """A question about a paper of the corpus, or with `paper_id` None about `abstract`. The page shows the `label`."""

    label: str
    question: str
    paper_id: str | None = None
    abstract: str = ""


def choose_examples(papers: DemoPapers) -> list[Example]:
    """Return a question of the corpus on each of a few papers, and one about an abstract that was written for it."""
    step = max(1, len(papers.by_id) // COUNT)
    chosen = list(papers.by_id.items())[::step][:COUNT]
    return [
        *(Example(paper.title, next(iter(paper.references)), paper_id) for paper_id, paper in chosen),
        Example(
            "an abstract that is not from a paper", "How much storage does the cache need?", abstract=WRITTEN_ABSTRACT
        ),
    ]
