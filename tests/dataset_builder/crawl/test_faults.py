"""Faults of the sources: the crawl ends, finds the other papers, and reports each missing one with its reason."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.crawl.report import CrawlReport
from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import PAUSES, Settings
from dataset_builder.errors import InputError
from tests.crawl_server import (
    FakePaper,
    SourceServer,
    abstract_of,
    cut_off,
    drip,
    hang,
    page,
    redirect,
    serving,
    status,
    title_of,
)

YEAR = "isca2020"
KEYS = {
    "openalex_api_key": "openalex-secret",
    "s2_api_key": "scholar-secret",
    "crossref_mailto": "secret@contact.invalid",
}


@pytest.fixture
def web() -> Iterator[SourceServer]:
    """Return a server without papers."""
    with serving() as server:
        yield server


def run(
    web: SourceServer,
    out: Path,
    *sources: str,
    venue: str = "isca",
    years: tuple[int, ...] = (2020,),
    **settings: Any,
) -> tuple[CrawlReport, list[Paper]]:
    """Crawl without pauses and with short waits; return the report and the papers in the files."""
    quick = {"pauses": dict.fromkeys(PAUSES, 0.0), "timeout": 0.4, "backoff": 0.0, "retries": 1}
    chosen = Settings(**{"base_urls": web.base_urls, **KEYS, **quick, **settings})
    report = crawl(venue, list(years), out, list(sources), chosen)
    return report, read_papers(out)


def shown(paper: FakePaper) -> str:
    """Return the publisher's page of a paper, in ACM's layout."""
    return (
        f'<html><head><meta name="dc.Title" content="{paper.title}"></head><body><section id="abstract">'
        f'<h2>Abstract</h2><div role="paragraph">{abstract_of(paper.number)}</div></section></body></html>'
    )


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(500), "HTTP 500"),
        (status(403), "HTTP 403"),
        (hang(1.0), "timed out"),
        (cut_off(), "the request failed (ChunkedEncodingError)"),
        (page(b"<html>maintenance", "text/html"), "the answer is not JSON"),
        (page(b'{"results": null}', "application/json"), "the answer is not of the documented shape"),
        (page(b"[" * 200_000, "application/json"), "the answer is not JSON"),
    ],
)
def test_failing_batch_is_recorded_and_its_papers_go_to_the_next_source(
    web: SourceServer, tmp_path: Path, fault: Callable, reason: str
) -> None:
    """The first hundred fail at OpenAlex and are found at Semantic Scholar; OpenAlex has the last ten."""
    web.add(YEAR, 110, ("openalex", "semantic_scholar"))
    web.faults["openalex"] = [fault, fault]
    if reason == "HTTP 403" or "answer" in reason:
        web.faults["openalex"].pop()
    report, papers = run(web, tmp_path, "openalex", "semantic_scholar")
    assert report.outcomes == {"openalex": {"found": 10, reason: 100}, "semantic_scholar": {"found": 100}}
    assert [paper.abstract for paper in papers] == [abstract_of(number) for number in range(110)]


def test_batch_that_semantic_scholar_does_not_know_is_not_a_failure(web: SourceServer, tmp_path: Path) -> None:
    """The answer has status 400 if it knows none of the papers."""
    web.add(YEAR, 2)
    with serving() as other:
        urls = web.base_urls | {"semantic_scholar": other.base_urls["semantic_scholar"]}
        report, _ = run(web, tmp_path, "semantic_scholar", base_urls=urls)
        assert len(other.asked("semantic_scholar")) == 1
    assert report.outcomes == {"semantic_scholar": {"not known to the source": 2}}


@pytest.mark.parametrize("fault", [status(500), cut_off()])
def test_failed_request_is_sent_again(web: SourceServer, tmp_path: Path, fault: Callable) -> None:
    """A temporary fault loses no paper."""
    web.add(YEAR, 2)
    web.faults["openalex"] = [fault]
    report, _ = run(web, tmp_path, "openalex")
    assert report.outcomes == {"openalex": {"found": 2}}
    assert len(web.asked("openalex")) == 2


def test_retry_after_is_obeyed(web: SourceServer, tmp_path: Path) -> None:
    """The host asks for a pause of one second, and gets no request before its end."""
    web.add(YEAR, 2)
    web.faults["openalex"] = [status(429, Retry_After="1")]
    report, _ = run(web, tmp_path, "openalex")
    refused, served = [span for span in web.spans if span[0] == "openalex"]
    assert served[1] - refused[1] >= 0.99
    assert report.found == 2


def test_host_that_asks_for_an_hour_gets_no_further_request(web: SourceServer, tmp_path: Path) -> None:
    """The crawl neither waits an hour nor asks sooner; it finds the papers of another host."""
    web.add(YEAR, 150, ("openalex", "semantic_scholar"))
    web.faults["openalex"] = [status(429, Retry_After="3600")]
    with serving() as other:
        other.volumes = web.volumes
        begun = time.monotonic()
        base_urls = web.base_urls | {
            "dblp": other.base_urls["dblp"],
            "semantic_scholar": other.base_urls["semantic_scholar"],
        }
        report, _ = run(web, tmp_path, "openalex", "semantic_scholar", base_urls=base_urls)
    assert time.monotonic() - begun < 10
    assert report.outcomes["openalex"] == {"the host asked for too long a pause": 150}
    assert report.found == 150
    assert len(web.asked("openalex")) == 1


def test_source_with_repeated_failures_gets_no_further_request(web: SourceServer, tmp_path: Path) -> None:
    """After three refusals in a row the next page is not requested; a missing page is not a refusal."""
    papers = web.add(YEAR, 6, ())
    web.pages = {paper.doi: status(403) for paper in papers[1:]}
    report, _ = run(web, tmp_path, "page", failures_in_a_row=3)
    assert report.outcomes["page"] == {
        "HTTP 403": 3,
        "HTTP 404": 1,
        "not asked after repeated failures": 2,
    }
    assert len(web.asked("page")) == 4


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (redirect("/page/loop"), "the request failed (TooManyRedirects)"),
        (redirect("file:///etc/passwd"), "the request failed (InvalidSchema)"),
        (redirect("http://[::1"), "the address cannot be read"),
        (page("<div>" * 20_000), "no abstract given"),
        (page(b"\x00\xff<<<>>&#xFFFFFFFF;<p" * 50), "no abstract given"),
        (page(shown(FakePaper(7, None, title_of(7)))), "the title is another paper's"),
        (page("<div class='abstractSection'>No abstract available.</div>"), "says that there is no abstract"),
    ],
)
def test_useless_page_is_reported_and_the_next_paper_is_found(
    web: SourceServer, tmp_path: Path, fault: Callable, reason: str
) -> None:
    """One paper is missing, with its reason; the other one is found."""
    lost, found = web.add(YEAR, 2, ())
    web.pages = {lost.doi: fault, "loop": redirect("/page/loop"), found.doi: page(shown(found))}
    report, papers = run(web, tmp_path, "page")
    assert report.outcomes["page"] == {"found": 1, reason: 1}
    assert [paper.abstract for paper in papers] == [None, abstract_of(1)]


def test_body_of_50_megabytes_is_not_read_completely(web: SourceServer, tmp_path: Path) -> None:
    """The connection is closed at the limit: the server cannot send all."""
    lost, found = web.add(YEAR, 2, ())
    sent = 0

    def endless(handler: Any) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.send_header("Content-Length", "50000000")
        handler.end_headers()
        handler.close_connection = True
        for _ in range(50):
            handler.wfile.write(b" " * 1_000_000)
            sent += 1

    web.pages = {lost.doi: endless, found.doi: page(shown(found))}
    report, _ = run(web, tmp_path, "page", timeout=5.0)
    assert report.outcomes["page"] == {"found": 1, "the answer is too large": 1}
    # The limit is 20 MB; the buffers of the system take some more.
    assert sent < 40


@pytest.mark.parametrize(
    ("encoding", "kind", "declaration"),
    [
        ("windows-1252", "text/html", '<meta charset="windows-1252">'),
        ("iso-8859-1", "text/html; charset=ISO-8859-1", ""),
    ],
)
def test_abstract_in_another_encoding(
    web: SourceServer, tmp_path: Path, encoding: str, kind: str, declaration: str
) -> None:
    """The header decides; without it, the page's own declaration decides."""
    (paper,) = web.add(YEAR, 1, ())
    words = f"José Müller's naïve cache. {abstract_of(0)}"
    html = declaration + shown(paper).replace(abstract_of(0), words)
    web.pages[paper.doi] = page(html.encode(encoding), kind)
    _, papers = run(web, tmp_path, "page")
    assert papers[0].abstract == words


def test_two_papers_that_share_a_doi(web: SourceServer, tmp_path: Path) -> None:
    """Both are listed, the second by its URL; the abstract goes to the paper with the answer's title."""
    first, second = web.add(YEAR, 2)
    second.doi = first.doi
    _, papers = run(web, tmp_path, "openalex")
    assert [(paper.paper_id, paper.abstract) for paper in papers] == [
        (first.doi, abstract_of(0)),
        (f"https://doi.org/{first.doi}", None),
    ]


@pytest.mark.parametrize("source", ["openalex", "semantic_scholar", "crossref"])
def test_abstract_of_another_paper_is_refused(web: SourceServer, tmp_path: Path, source: str) -> None:
    """The source has another paper under the DOI: the report says so, and the next source is asked."""
    wrong, _ = web.add(YEAR, 2, (source,))
    web.titles[source, wrong.doi] = title_of(33)
    web.pages[wrong.doi] = page(shown(wrong))
    report, papers = run(web, tmp_path, source, "page")
    assert report.outcomes == {source: {"found": 1, "the title is another paper's": 1}, "page": {"found": 1}}
    assert papers[0].abstract == abstract_of(0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"abstract_inverted_index": {"We": ["first"]}}, "not known to the source"),
        ({"display_name": None}, "no title to compare"),
        ({"abstract_inverted_index": {word: [2 * at] for at, word in enumerate("abcdefgh")}}, "cut off"),
    ],
)
def test_malformed_record_costs_only_its_own_paper(
    web: SourceServer, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    """Malformed, without a title, with missing words or with two words in one place: the other papers are found."""
    web.add(YEAR, 3)
    web.changes["openalex"] = changes
    report, papers = run(web, tmp_path, "openalex")
    assert report.outcomes["openalex"] == {"found": 2, reason: 1}
    assert [paper.abstract for paper in papers] == [abstract_of(0), abstract_of(1), None]


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
    ],
)
def test_server_that_drips_bytes_times_out(web: SourceServer, tmp_path: Path, beginning: bytes) -> None:
    """Each byte comes within the time limit of a read, but the complete answer may take four times as long at most."""
    lost, found = web.add(YEAR, 2, ())
    web.pages = {lost.doi: drip(beginning), found.doi: page(shown(found))}
    begun = time.monotonic()
    report, _ = run(web, tmp_path, "page", retries=0)
    assert report.outcomes["page"] == {"found": 1, "timed out": 1}
    assert time.monotonic() - begun < 6


def test_year_that_dblp_does_not_have_is_left_out(
    web: SourceServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The other years are crawled."""
    web.add(YEAR, 3)
    report, papers = run(web, tmp_path, "openalex", years=(2020, 2022))
    assert (list(report.years), len(papers)) == (["2020"], 3)
    assert "DBLP has no table of contents of isca 2022; the year is left out" in caplog.text


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(500), "HTTP 500"),
        (page("<h1>Maintenance</h1>"), "no table of contents named isca on it"),
    ],
)
def test_crawl_without_a_list_is_an_error(web: SourceServer, tmp_path: Path, fault: Callable, reason: str) -> None:
    """The message has the reason, and no file is written; the same command continues."""
    web.add(YEAR, 1)
    web.faults["dblp"] = [fault] * 2
    with pytest.raises(InputError, match=rf"DBLP gives no list of isca now \({reason}\); run the same command again"):
        run(web, tmp_path, "openalex")
    assert [path.name for path in tmp_path.iterdir()] == [".crawl"]
    web.faults.clear()
    assert run(web, tmp_path, "openalex")[0].found == 1


def test_entries_of_a_keynote_section_are_left_out(web: SourceServer, tmp_path: Path) -> None:
    """The title of a keynote may not say what it is; the heading above it does."""
    keynote, both, _ = web.add(YEAR, 3)
    keynote.section, both.section = "Keynote Address II", "Keynote and Session 1"
    report, papers = run(web, tmp_path, "openalex")
    assert [(entry.title, entry.reason) for entry in report.left_out] == [(title_of(0), "keynote")]
    assert [paper.title for paper in papers] == [title_of(1), title_of(2)]


def test_host_gets_one_request_at_a_time_with_a_pause_and_hosts_run_side_by_side(tmp_path: Path) -> None:
    """Two publishers behind one resolver, with 3 pages of 0.2 s each, at the same time."""
    with serving() as web, serving() as acm, serving() as ieee:
        papers = web.add(YEAR, 6, ())
        for paper in papers:
            host, prefix = (acm, "10.1145") if paper.number < 3 else (ieee, "10.1109")
            paper.doi = f"{prefix}/{paper.number}"
            web.pages[paper.doi] = redirect(f"{host.url}/page/{paper.number}")
            host.pages[str(paper.number)] = page(shown(paper))
        acm.delay = ieee.delay = 0.2
        report, _ = run(web, tmp_path, "page", pauses={**dict.fromkeys(PAUSES, 0.0), "page": 0.1}, timeout=5.0)
    assert report.found == 6
    for host in (web, acm, ieee):
        spans = sorted((begun, ended) for source, begun, ended in host.spans if source == "page")
        # From beginning to beginning: the server notes an end later than the client may read it.
        assert all(later[0] - earlier[0] >= host.delay + 0.09 for earlier, later in pairwise(spans))
    assert any(a[1] < b[2] and b[1] < a[2] for a in acm.spans for b in ieee.spans), "never at the same time"


def test_credentials_are_sent_and_not_written(
    web: SourceServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each source gets only its own key; no file and no log line, at any level, holds a key."""
    caplog.set_level(logging.DEBUG)
    papers = web.add(YEAR, 3, ())
    web.pages[papers[0].doi] = hang(1.0)
    web.faults = {"openalex": [status(429), status(500)], "crossref": [hang(1.0)]}
    run(web, tmp_path, "openalex", "semantic_scholar", "crossref", "page")
    for source, target, headers in web.requests:
        assert ("api_key=openalex-secret" in target) == (source == "openalex")
        assert (headers.get("x-api-key") == "scholar-secret") == (source == "semantic_scholar")
        assert "secret@contact.invalid" in headers["User-Agent"]
    assert "asking again" in caplog.text
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(written) > 1000
    for secret in ("openalex-secret", "scholar-secret", "secret@contact", "secret%40contact"):
        assert secret not in caplog.text
        assert secret.encode() not in written
