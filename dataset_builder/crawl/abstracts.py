"""Find abstracts: ask one source after the other for the papers that still have none."""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tqdm import tqdm

from dataset_builder.corpus.papers import Paper
from dataset_builder.crawl.cleanup import LONGEST_TEXT, clean_abstract, plain_text, same_title
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.outcomes import Answer, FetchError, Outcome, Outcomes, paper_key
from dataset_builder.crawl.sources import crossref, openalex, publisher_page, semantic_scholar
from dataset_builder.crawl.sources.browser import Browser

logger = logging.getLogger(__name__)

# The sources that answer for many papers at once.
BATCH_SOURCES = {"openalex": openalex, "semantic_scholar": semantic_scholar, "crossref": crossref}
# Publishers whose pages are requested at the same time. A browser shows one page at a time.
PUBLISHERS_AT_ONCE = 8


def find_abstracts(client: Client, papers: Sequence[Paper], sources: Sequence[str], outcomes: Outcomes) -> None:
    """Ask each source for the papers whose abstract no source has given yet, and add each outcome to `outcomes`.

    Known outcomes, failures included, are not requested again. They count as if they had happened now, so that a
    killed crawl ends in the same files.
    """
    with (
        Browser(client.settings, client.hosts) as browser,
        ThreadPoolExecutor(PUBLISHERS_AT_ONCE) as pool,
        client.hosts.stopping_on_error(),
    ):
        for source in sources:
            papers = [paper for paper in papers if outcomes.has(paper, source) or not outcomes.found(paper)]
            # Two papers of one name share an outcome.
            unknown = list({paper_key(paper): paper for paper in papers if not outcomes.has(paper, source)}.values())
            logger.info("%s: %d papers to ask for", source, len(unknown))
            if source in BATCH_SOURCES:
                unusable = [paper for paper in unknown if not _usable_doi(paper)]
                outcomes.add([Outcome(paper_key(paper), source, None, "no DOI to ask by") for paper in unusable])
                # A batch is recorded as a whole and in order, so the batches that are left after a kill are the same.
                # Known failures stay among them, and count as failures in a row.
                usable = [paper for paper in papers if _usable_doi(paper) and not outcomes.answered(paper, source)]
                size = BATCH_SOURCES[source].BATCH_SIZE
                queues = [[usable[start : start + size] for start in range(0, len(usable), size)]]
            else:
                queues = _pages_by_publisher(papers)
            with tqdm(total=len(unknown), desc=source, unit="paper", disable=None) as progress:
                ask = partial(_ask_queue, client, browser, source, outcomes, progress.update)
                list(pool.map(ask, queues) if source == "page" else map(ask, queues))


def _usable_doi(paper: Paper) -> bool:
    # A comma or a bar would end the DOI within a filter.
    return paper.doi is not None and not set(paper.doi) & set(",|")


def _pages_by_publisher(papers: Sequence[Paper]) -> list[list[list[Paper]]]:
    publishers: dict[str, list[list[Paper]]] = defaultdict(list)
    for paper in papers:
        publisher = paper.doi.partition("/")[0] if paper.doi else "/".join(paper.paper_url.split("/")[:3])
        publishers[publisher].append([paper])
    return list(publishers.values())


def _fetch_answers(client: Client, browser: Browser, source: str, batch: list[Paper]) -> list[Answer | None]:
    if source == "page":
        return [publisher_page.fetch_answer(client, paper) for paper in batch]
    if source == "browser":
        return [browser.fetch_answer(paper) for paper in batch]
    # Two papers may share a DOI.
    answers = BATCH_SOURCES[source].fetch_answers(client, list(dict.fromkeys(paper.doi or "" for paper in batch)))
    return [answers.get(paper.doi or "") for paper in batch]


def _ask_queue(
    client: Client,
    browser: Browser,
    source: str,
    outcomes: Outcomes,
    on_asked: Callable[[int], object],
    queue: list[list[Paper]],
) -> None:
    """Ask for one batch of papers after the other, until too many failures in a row; count them by `on_asked`."""
    failures = 0
    for batch in queue:
        unknown = [paper for paper in batch if not outcomes.has(paper, source)]
        if unknown:
            try:
                if failures >= client.settings.failures_in_a_row:
                    raise FetchError("not asked after repeated failures")
                answers = _fetch_answers(client, browser, source, unknown)
                found = [_judge(paper, source, answer) for paper, answer in zip(unknown, answers, strict=True)]
            except FetchError as error:
                # An interrupted crawl did not get an answer: the next crawl asks.
                if client.hosts.stopped.is_set():
                    return
                # A publisher's page that does not exist says nothing about its other pages.
                failed = source in BATCH_SOURCES or error.status not in (404, 410)
                found = [Outcome(paper_key(paper), source, None, str(error), failed) for paper in unknown]
            outcomes.add(found)
            on_asked(len(unknown))
        failures = failures + 1 if outcomes.get(batch[-1], source).failed else 0


def _judge(paper: Paper, source: str, answer: Answer | None) -> Outcome:
    """Return the cleaned abstract of an answer, or the reason why the answer has none or is about another paper."""
    if answer is None:
        return Outcome(paper_key(paper), source, None, "not known to the source")
    abstract, reason = clean_abstract(answer.abstract)
    if abstract and not answer.title:
        return Outcome(paper_key(paper), source, None, "no title to compare")
    if abstract and not same_title(paper.title, plain_text((answer.title or "")[:LONGEST_TEXT])):
        return Outcome(paper_key(paper), source, None, "the title is another paper's")
    return Outcome(paper_key(paper), source, abstract, reason)
