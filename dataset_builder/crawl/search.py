"""Asking the sources one after the other, each for what those before it did not give."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import ModuleType
from urllib.parse import urlsplit

from tqdm import tqdm

from dataset_builder.crawl.answer import Answer, ListedPaper, same_title
from dataset_builder.crawl.cleaning import clean_abstract, plain_text
from dataset_builder.crawl.client import Client, FetchError
from dataset_builder.crawl.journal import Journal, Outcome
from dataset_builder.crawl.sources import crossref, openalex, publisher_page, semantic_scholar
from dataset_builder.crawl.sources.browser import Browser

logger = logging.getLogger(__name__)

IN_BATCHES: dict[str, ModuleType] = {"openalex": openalex, "semantic_scholar": semantic_scholar, "crossref": crossref}


def ask_sources(client: Client, papers: list[ListedPaper], sources: list[str], journal: Journal) -> None:
    """Ask every source in turn for the papers that have no abstract yet, and write each outcome to the journal.

    What the journal holds is not asked again, failures included; they count as when they happened, so that a crawl
    that was killed goes on to the same end.
    """
    for source in sources:
        papers = [paper for paper in papers if not _found(paper, sources, source, journal)]
        unknown = sum((paper.paper_id, source) not in journal.outcomes for paper in papers)
        logger.info("%s: %d papers without an abstract, %d of them to ask for", source, len(papers), unknown)
        if source in IN_BATCHES:
            _ask_in_batches(client, source, papers, journal)
            continue
        with Browser(client.settings, client.hosts) if source == "browser" else nullcontext() as browser:
            ask = browser.ask if browser else lambda paper: publisher_page.ask(client, paper)
            _ask_one_by_one(source, papers, ask, journal, client.settings.failures_in_a_row)


def _found(paper: ListedPaper, sources: list[str], before: str, journal: Journal) -> bool:
    earlier = sources[: sources.index(before)]
    return any(journal.outcomes[paper.paper_id, source].abstract for source in earlier)


def _ask_in_batches(client: Client, source: str, papers: list[ListedPaper], journal: Journal) -> None:
    # A comma or a bar would end the DOI within a filter.
    unfit = [paper.paper_id for paper in papers if not paper.doi or set(paper.doi) & set(",|")]
    unknown = [paper_id for paper_id in unfit if (paper_id, source) not in journal.outcomes]
    journal.add(source, {paper_id: Outcome(None, "no DOI to ask by") for paper_id in unknown})
    papers = [paper for paper in papers if paper.paper_id not in unfit]
    size = IN_BATCHES[source].BATCH
    failures = 0
    # The same batches after a kill as before it: a batch is cut from all papers and not from those that remain.
    for start in tqdm(range(0, len(papers), size), desc=source, unit="request", disable=None):
        batch = papers[start : start + size]
        unknown = [paper for paper in batch if (paper.paper_id, source) not in journal.outcomes]
        if unknown:
            journal.add(source, _batch_outcomes(client, source, unknown, failures))
        failed = journal.outcomes[batch[-1].paper_id, source].failed
        failures = failures + 1 if failed else 0


def _batch_outcomes(client: Client, source: str, batch: list[ListedPaper], failures: int) -> dict[str, Outcome]:
    try:
        if failures >= client.settings.failures_in_a_row:
            raise FetchError("left alone after failing again and again")
        answers = IN_BATCHES[source].ask(client, list(dict.fromkeys(paper.doi for paper in batch)))
    except FetchError as error:
        return {paper.paper_id: Outcome(None, str(error), failed=True) for paper in batch}
    except (KeyError, TypeError, ValueError, AttributeError):
        reason = "the answer is not of the documented shape"
        return {paper.paper_id: Outcome(None, reason, failed=True) for paper in batch}
    return {paper.paper_id: outcome_of(paper, answers.get(paper.doi)) for paper in batch}


def _ask_one_by_one(
    source: str, papers: list[ListedPaper], ask: Callable[[ListedPaper], Answer], journal: Journal, most_failures: int
) -> None:
    """Ask for one paper after the other, of several publishers side by side; a browser shows one page at a time."""
    publishers: dict[str, list[ListedPaper]] = {}
    for paper in papers:
        prefix = paper.doi.partition("/")[0] if paper.doi else urlsplit(paper.paper_url).netloc
        publishers.setdefault(prefix, []).append(paper)
    unknown = sum((paper.paper_id, source) not in journal.outcomes for paper in papers)
    progress = tqdm(total=unknown, desc=source, unit="paper", disable=None)

    def ask_publisher(papers: list[ListedPaper]) -> None:
        failures = 0
        for paper in papers:
            if (paper.paper_id, source) not in journal.outcomes:
                if failures < most_failures:
                    outcome = _outcome(paper, ask)
                else:
                    outcome = Outcome(None, "left alone after failing again and again", failed=True)
                journal.add(source, {paper.paper_id: outcome})
                progress.update()
            failures = failures + 1 if journal.outcomes[paper.paper_id, source].failed else 0

    with progress, ThreadPoolExecutor(1 if source == "browser" else 8) as side_by_side:
        for _ in side_by_side.map(ask_publisher, publishers.values()):
            pass


def _outcome(paper: ListedPaper, ask: Callable[[ListedPaper], Answer]) -> Outcome:
    try:
        return outcome_of(paper, ask(paper))
    except FetchError as error:
        return Outcome(None, str(error), failed=not error.answered)


def outcome_of(paper: ListedPaper, answer: Answer | None) -> Outcome:
    """Return what an answer is worth: its cleaned abstract, if it has one and is on this paper, else the reason."""
    if answer is None:
        return Outcome(None, "not known to the source")
    abstract, reason = clean_abstract(answer.text)
    if abstract and answer.title and not same_title(paper.title, plain_text(answer.title)):
        return Outcome(None, "the title is another paper's")
    return Outcome(abstract, reason)
