"""Define what a source answers about a paper, and record it, so that a killed crawl can continue."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.corpus.papers import Paper
from dataset_builder.crawl.settings import SOURCES
from dataset_builder.journal import Journal


class FetchError(Exception):
    """A request without a usable answer, with its HTTP status and the beginning of its body if that is the reason.

    The message is a reason for the report: it holds no URL and no key.
    """

    def __init__(self, reason: str, status: int | None = None, body: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Answer:
    """The title and the abstract of a paper in the words of a source; None for what the source does not have."""

    title: str | None
    abstract: str | None


def paper_key(paper: Paper) -> str:
    """Return the name of a paper in the journal.

    Its paper_id will not do: two papers may share a DOI, and the years of a crawl decide which of them gets it as its
    paper_id.
    """
    return f"{paper.doi or paper.paper_url} {paper.title}"


@dataclass(frozen=True)
class Outcome:
    """The result of asking a source for a paper (its `paper_key`): an abstract, or the reason why it is missing.

    `failed` means that the source could not be asked, so it may have the abstract.
    """

    paper: str
    source: str
    abstract: str | None
    reason: str | None = None
    failed: bool = False


class Outcomes:
    """The outcomes by paper and source; each one is on disk before the next request."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder, "outcomes", Outcome)
        self._known = _by_paper_and_source(self._journal.read_new())

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Add outcomes; they are on disk when this returns."""
        if outcomes:
            self._journal.append(outcomes)
            self._known.update(_by_paper_and_source(outcomes))

    def has(self, paper: Paper, source: str) -> bool:
        """Return whether the outcome of a paper at a source is known."""
        return (paper_key(paper), source) in self._known

    def get(self, paper: Paper, source: str) -> Outcome:
        """Return the known outcome of a paper at a source."""
        return self._known[paper_key(paper), source]

    def answered(self, paper: Paper, source: str) -> bool:
        """Return whether a source has answered about a paper, with or without an abstract."""
        return self.has(paper, source) and not self.get(paper, source).failed

    def found(self, paper: Paper) -> bool:
        """Return whether the abstract of a paper is known from any source."""
        return any(self.has(paper, source) and self.get(paper, source).abstract for source in SOURCES)

    def until_found(self, paper: Paper, sources: Iterable[str]) -> list[Outcome]:
        """Return the known outcomes of a paper at `sources`, in order, up to the first one with the abstract."""
        outcomes = []
        for source in sources:
            if self.has(paper, source):
                outcomes.append(self.get(paper, source))
            if outcomes and outcomes[-1].abstract:
                break
        return outcomes

    def forget_missing(self, papers: Iterable[Paper]) -> None:
        """Remove all outcomes of those `papers` whose abstract no source has."""
        found = {outcome.paper for outcome in self._known.values() if outcome.abstract}
        missing = {paper_key(paper) for paper in papers} - found
        kept = [outcome for outcome in self._known.values() if outcome.paper not in missing]
        self._journal.replace(kept)
        self._known = _by_paper_and_source(kept)


def _by_paper_and_source(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], Outcome]:
    return {(outcome.paper, outcome.source): outcome for outcome in outcomes}
