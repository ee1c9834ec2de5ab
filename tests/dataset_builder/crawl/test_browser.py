"""The browser: a real Chromium by the real Selenium, on pages of a loopback server."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dataset_builder.corpus.papers import read_papers
from dataset_builder.crawl.answer import ListedPaper
from dataset_builder.crawl.client import FetchError, Hosts
from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import PAUSES, Credentials, Settings
from dataset_builder.crawl.sources.browser import Browser, find_browser
from tests.crawl_server import FakePaper, SourceServer, abstract_of, page, serving


@pytest.fixture(autouse=True, scope="module")
def _needs_a_browser() -> None:
    if find_browser() is None:
        message = "no Chromium with its chromedriver: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture
def web() -> Iterator[SourceServer]:
    """Serve nothing yet."""
    with serving() as server:
        yield server


def settings(web: SourceServer, **more: Any) -> Settings:
    """Return settings without pauses."""
    quick = {"timeout": 10.0, "browser_wait": 5.0, "retries": 0}
    return Settings(base_urls=web.base_urls, pauses=dict.fromkeys(PAUSES, 0.0), **{**quick, **more})


def shown_late(paper: FakePaper) -> bytes:
    """Return a page whose abstract a script puts there, in two paragraphs, half a second after it loaded."""
    html = "".join(f'<div role="paragraph">{abstract_of(number)}</div>' for number in (paper.number, paper.number + 1))
    return (
        f'<html><head><meta name="citation_title" content="{paper.title}">'
        '<meta property="og:description" content="Machine..."></head><body><section id="abstract"></section><script>'
        f"setTimeout(() => {{document.getElementById('abstract').innerHTML = '{html}'}}, 500)</script></body></html>"
    ).encode()


def behind_a_challenge(inner: bytes) -> Any:
    """Answer 403 with a page whose script sets a cookie and loads again, then, with the cookie, `inner`."""
    challenge = (
        b"<html><title>Just a moment...</title><body>Checking your browser before you go on.<script>"
        b"setTimeout(() => {document.cookie = 'passed=1; path=/'; location.reload()}, 300)</script></body></html>"
    )

    def answer(handler: Any) -> None:
        if "passed=1" in handler.headers.get("Cookie", ""):
            handler.answer(inner, "text/html; charset=utf-8")
        else:
            handler.answer(challenge, "text/html", 403)

    return answer


def test_abstract_behind_a_challenge_and_a_script(web: SourceServer, tmp_path: Path) -> None:
    """A plain request is refused or sees no abstract; the browser waits, and has both paragraphs."""
    late, refused, missing = web.add("isca2020", 3, ())
    web.pages[late.doi] = page(shown_late(late))
    web.pages[refused.doi] = behind_a_challenge(shown_late(refused))
    web.pages[missing.doi] = page("<h1>No abstract here</h1>")
    report = crawl("isca", [2020], tmp_path, ["page", "browser"], settings(web, browser_wait=2.5), Credentials())
    assert report["asked"]["page"] == {"HTTP 403": 1, "cut off": 1, "no abstract given": 1}
    assert report["asked"]["browser"] == {"found": 2, "no abstract given": 1}
    assert [paper.abstract for paper in read_papers(tmp_path)] == [
        f"{abstract_of(0)} {abstract_of(1)}",
        f"{abstract_of(1)} {abstract_of(2)}",
        None,
    ]
    assert not _left_over()


def test_browser_that_dies_or_hangs_is_started_again(web: SourceServer) -> None:
    """Killed, stopped, or kept busy by a page for good: that paper is lost, and the next one is found."""
    papers = web.add("isca2020", 3, ())
    for paper in papers:
        web.pages[paper.doi] = page(shown_late(paper))
    web.pages["busy"] = page("<h1>x</h1><script>while (true) {}</script>")
    listed = [ListedPaper(paper.doi, paper.title, 2020, "isca", "", paper.doi) for paper in papers]
    found = f"{abstract_of(1)}"
    with Browser(settings(web, timeout=2.0), Hosts()) as browser:
        browser.ask(listed[0])
        for process in psutil.Process(browser._service.process.pid).children(recursive=True):
            process.kill()
        with pytest.raises(FetchError, match="the browser died"):
            browser.ask(listed[0])
        assert found in browser.ask(listed[1]).text

        os.kill(browser._service.process.pid, signal.SIGSTOP)
        with pytest.raises(FetchError, match="the browser hung"):
            browser.ask(listed[0])
        assert found in browser.ask(listed[1]).text

        begun = time.monotonic()
        with pytest.raises(FetchError, match="the browser hung"):
            browser.ask(ListedPaper("x", "x", 2020, "isca", f"{web.url}/browser/busy", None))
        assert time.monotonic() - begun < 10
        assert found in browser.ask(listed[1]).text
    assert not _left_over()


def test_browser_opens_http_and_https_only(web: SourceServer) -> None:
    """A listed address of another scheme never reaches it."""
    with Browser(settings(web), Hosts()) as browser, pytest.raises(FetchError, match="not http or https"):
        browser.ask(ListedPaper("x", "x", 2020, "isca", "file:///etc/passwd", None))


def _left_over() -> list[psutil.Process]:
    """Return the browser processes that this test has not ended."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE and "chrom" in process.name()
    ]
