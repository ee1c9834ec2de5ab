"""The browser source: a real Chromium and the real Selenium read pages of a loopback server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.crawl.client import Hosts
from dataset_builder.crawl.outcomes import FetchError
from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import PAUSES, Settings
from dataset_builder.crawl.sources.browser import Browser
from tests.browser import need_browser
from tests.conftest import REPOSITORY
from tests.crawl_server import FakePaper, SourceServer, abstract_of, page, serving


@pytest.fixture(autouse=True, scope="module")
def _needs_a_browser() -> None:
    need_browser()


@pytest.fixture(autouse=True)
def _profiles_in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def web() -> Iterator[SourceServer]:
    """Return a server without papers."""
    with serving() as server:
        yield server


def settings(web: SourceServer, **more: Any) -> Settings:
    """Return settings without pauses."""
    quick = {"timeout": 10.0, "browser_wait": 5.0, "retries": 0}
    return Settings(base_urls=web.base_urls, pauses=dict.fromkeys(PAUSES, 0.0), **{**quick, **more})


def shown_late(paper: FakePaper) -> bytes:
    """Return a page to which a script adds the abstract, in two paragraphs, half a second after loading."""
    html = "".join(f'<div role="paragraph">{abstract_of(number)}</div>' for number in (paper.number, paper.number + 1))
    return (
        f'<html><head><meta name="citation_title" content="{paper.title}">'
        '<meta property="og:description" content="Machine..."></head><body><section id="abstract"></section><script>'
        f"setTimeout(() => {{document.getElementById('abstract').innerHTML = '{html}'}}, 500)</script></body></html>"
    ).encode()


def behind_a_challenge(inner: bytes) -> Any:
    """Answer 403 with a page whose script sets a cookie and reloads; with the cookie, answer `inner`."""
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


def listed_paper(url: str, doi: str | None = None) -> Paper:
    """Return a paper as the listing has it."""
    return Paper(paper_id=doi or url, title="x", year=2020, venue="isca", paper_url=url, doi=doi, abstract=None)


def test_abstract_behind_a_challenge_and_a_script(web: SourceServer, tmp_path: Path) -> None:
    """A plain request is refused or gets no abstract; the browser waits and gets both paragraphs."""
    late, refused, missing = web.add("isca2020", 3, ())
    web.pages[late.doi] = page(shown_late(late))
    web.pages[refused.doi] = behind_a_challenge(shown_late(refused))
    web.pages[missing.doi] = page("<h1>No abstract here</h1>")
    report = crawl("isca", [2020], tmp_path, ["page", "browser"], settings(web, browser_wait=2.5))
    assert report.outcomes["page"] == {"HTTP 403": 1, "cut off": 1, "no abstract given": 1}
    assert report.outcomes["browser"] == {"found": 2, "no abstract given": 1}
    assert [paper.abstract for paper in read_papers(tmp_path)] == [
        f"{abstract_of(0)} {abstract_of(1)}",
        f"{abstract_of(1)} {abstract_of(2)}",
        None,
    ]
    assert not _browsers_of(tmp_path)


def test_stopped_crawl_leaves_no_browser(web: SourceServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """SIGTERM ends the browser, too, and is not an outcome."""
    # Chromium has a socket in TMPDIR, and the path of a socket has at most 107 characters.
    tmp_path = tmp_path_factory.mktemp("b")
    (paper,) = web.add("isca2020", 1, ())
    web.pages[paper.doi] = page("<h1>x</h1><script>while (true) {}</script>")
    words = ("--venue", "isca", "--years", "2020", "--out", str(tmp_path), "--sources", "browser")
    command = [sys.executable, "-m", "tests.local_crawl", web.url, *words]
    crawling = subprocess.Popen(
        command, cwd=REPOSITORY, stderr=subprocess.DEVNULL, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    while not web.asked("browser"):
        assert crawling.poll() is None
        time.sleep(0.05)
    assert _browsers_of(tmp_path)
    crawling.terminate()
    crawling.wait(20)
    assert not _browsers_of(tmp_path)
    web.pages[paper.doi] = page(shown_late(paper))
    assert crawl("isca", [2020], tmp_path, ["browser"], settings(web)).found == 1


def test_browser_that_dies_or_hangs_is_started_again(web: SourceServer, tmp_path: Path) -> None:
    """If it is killed, stopped or kept busy by a page, that paper is missing, and the next paper is found."""
    papers = web.add("isca2020", 3, ())
    for paper in papers:
        web.pages[paper.doi] = page(shown_late(paper))
    web.pages["busy"] = page("<h1>x</h1><script>while (true) {}</script>")
    listed = [listed_paper(f"https://doi.org/{paper.doi}", paper.doi) for paper in papers]
    found = abstract_of(1)
    with Browser(settings(web, timeout=3.0), Hosts()) as browser:
        browser.fetch_answer(listed[0])
        for process in psutil.Process(browser._service.process.pid).children(recursive=True):
            process.kill()
        with pytest.raises(FetchError, match="the browser died or hung"):
            browser.fetch_answer(listed[0])
        assert found in browser.fetch_answer(listed[1]).abstract

        os.kill(browser._service.process.pid, signal.SIGSTOP)
        with pytest.raises(FetchError, match="the browser died or hung"):
            browser.fetch_answer(listed[0])
        assert found in browser.fetch_answer(listed[1]).abstract

        begun = time.monotonic()
        with pytest.raises(FetchError, match="the browser died or hung"):
            browser.fetch_answer(listed_paper(f"{web.url}/browser/busy"))
        assert time.monotonic() - begun < 30
        assert found in browser.fetch_answer(listed[1]).abstract
    assert not _browsers_of(tmp_path)


def test_browser_opens_http_and_https_only(web: SourceServer, tmp_path: Path) -> None:
    """The browser never gets an address with another scheme."""
    with Browser(settings(web), Hosts()) as browser, pytest.raises(FetchError, match="not http or https"):
        browser.fetch_answer(listed_paper("file:///etc/passwd"))


def _browsers_of(out: Path) -> list[psutil.Process]:
    """Return the running processes of the browser with a profile in the folder of a crawl."""
    processes = psutil.process_iter(["name", "cmdline", "status"])
    return [
        process
        for process in processes
        if "chrom" in process.info["name"]
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and str(out) in " ".join(process.info["cmdline"] or [])
    ]
