"""Find abstracts: ask one source after the other for the papers that still have none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from tqdm import tqdm

from dataset_builder.corpus.papers import Paper
from dataset_builder.crawl.answer import Answer, FetchError, same_title
from dataset_builder.crawl.cleanup import clean_abstract, plain_text
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.outcomes import Outcome, Outcomes
from dataset_builder.crawl.sources import crossref, openalex, publisher_page, semantic_scholar
from dataset_builder.crawl.sources.browser import Browser

logger = logging.getLogger(__name__)


class BatchSource(Protocol):
    """A source that answers for many papers at once: a module of `crawl/sources`."""

    BATCH_SIZE: int

    def fetch_answers(self, client: Client, dois: list[str]) -> dict[str, Answer]:
        """Return the answers by DOI, for at most `BATCH_SIZE` DOIs; raises `FetchError`."""
        ...


BATCH_SOURCES: dict[str, BatchSource] = {
    "openalex": openalex,
    "semantic_scholar": semantic_scholar,
    "crossref": crossref,
}
# Publishers whose pages are requested at the same time.
PUBLISHERS_AT_ONCE = 8
GIVEN_UP = "not asked after repeated failures"


def find_abstracts(client: Client, papers: Sequence[Paper], sources: Sequence[str], outcomes: Outcomes) -> None:
    """Ask each source for the papers whose abstract is not found yet, and add each outcome to `outcomes`.

    Known outcomes, failures included, are not requested again. They count as if they had happened now, so that a
    killed crawl ends in the same files.
    """
    for source in sources:
        unknown = sum(not outcomes.has(paper, source) for paper in papers)
        logger.info("%s: %d papers without an abstract, %d of them to ask for", source, len(papers), unknown)
        if source in BATCH_SOURCES:
            _ask_in_batches(client, source, papers, outcomes)
        elif source == "browser":
            with Browser(client.settings, client.hosts) as browser:
                # A browser shows one page at a time.
                _ask_one_by_one(client, source, papers, browser.fetch_answer, outcomes, 1)
        else:
            fetch = partial(publisher_page.fetch_answer, client)
            _ask_one_by_one(client, source, papers, fetch, outcomes, PUBLISHERS_AT_ONCE)
        papers = [paper for paper in papers if not outcomes.get(paper, source).abstract]


def _ask_in_batches(client: Client, source: str, papers: Sequence[Paper], outcomes: Outcomes) -> None:
    unusable = [paper for paper in papers if not _usable_doi(paper) and not outcomes.has(paper, source)]
    outcomes.add([Outcome(paper.paper_id, source, None, "no DOI to ask by") for paper in unusable])
    papers = [paper for paper in papers if _usable_doi(paper)]
    size = BATCH_SOURCES[source].BATCH_SIZE
    failures = 0
    # Batches are cut from all papers, known ones too, so that they are the same after a kill.
    for start in tqdm(range(0, len(papers), size), desc=source, unit="request", disable=None):
        batch = papers[start : start + size]
        unknown = [paper for paper in batch if not outcomes.has(paper, source)]
        if unknown:
            outcomes.add(_ask_batch(client, source, unknown, failures))
        failures = failures + 1 if outcomes.get(batch[-1], source).failed else 0


def _usable_doi(paper: Paper) -> bool:
    # A comma or a bar would end the DOI within a filter.
    return paper.doi is not None and not set(paper.doi) & set(",|")


def _ask_batch(client: Client, source: str, batch: Sequence[Paper], failures: int) -> list[Outcome]:
    try:
        if failures >= client.settings.failures_in_a_row:
            raise FetchError(GIVEN_UP)
        # Two papers may share a DOI.
        dois = list(dict.fromkeys(paper.doi for paper in batch if paper.doi))
        answers = BATCH_SOURCES[source].fetch_answers(client, dois)
    except FetchError as error:
        return [Outcome(paper.paper_id, source, None, str(error), failed=True) for paper in batch]
    return [_judge(paper, source, answers.get(paper.doi or "")) for paper in batch]


def _ask_one_by_one(
    client: Client,
    source: str,
    papers: Sequence[Paper],
    fetch_answer: Callable[[Paper], Answer],
    outcomes: Outcomes,
    publishers_at_once: int,
) -> None:
    """Ask for one paper of a publisher after the other, and several publishers at once."""
    publishers: dict[str, list[Paper]] = {}
    for paper in papers:
        publisher = paper.doi.partition("/")[0] if paper.doi else urlsplit(paper.paper_url).netloc
        publishers.setdefault(publisher, []).append(paper)
    unknown = sum(not outcomes.has(paper, source) for paper in papers)

    def ask_publisher(papers: list[Paper]) -> None:
        failures = 0
        for paper in papers:
            if not outcomes.has(paper, source):
                if failures < client.settings.failures_in_a_row:
                    outcome = _ask_page(paper, source, fetch_answer)
                else:
                    outcome = Outcome(paper.paper_id, source, None, GIVEN_UP, failed=True)
                outcomes.add([outcome])
                progress.update()
            failures = failures + 1 if outcomes.get(paper, source).failed else 0

    with (
        tqdm(total=unknown, desc=source, unit="paper", disable=None) as progress,
        ThreadPoolExecutor(publishers_at_once) as pool,
    ):
        for _ in pool.map(ask_publisher, publishers.values()):
            pass


def _ask_page(paper: Paper, source: str, fetch_answer: Callable[[Paper], Answer]) -> Outcome:
    try:
        return _judge(paper, source, fetch_answer(paper))
    except FetchError as error:
        return Outcome(paper.paper_id, source, None, str(error), failed=not error.page_missing)


def _judge(paper: Paper, source: str, answer: Answer | None) -> Outcome:
    """Return the cleaned abstract of an answer, or the reason why the answer has none or is about another paper."""
    if answer is None:
        return Outcome(paper.paper_id, source, None, "not known to the source")
    abstract, reason = clean_abstract(answer.abstract)
    if abstract and answer.title and not same_title(paper.title, plain_text(answer.title)):
        return Outcome(paper.paper_id, source, None, "the title is another paper's")
    return Outcome(paper.paper_id, source, abstract, reason)
