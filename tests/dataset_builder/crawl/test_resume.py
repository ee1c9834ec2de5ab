"""The crawl command: its files and exit codes, and a killed crawl ends in the same files."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.crawl import run as crawl_run
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.outcomes import Answer, Outcome, Outcomes, paper_key
from dataset_builder.crawl.report import CrawledYear, CrawlReport
from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import PAUSES, Credentials, Settings
from dataset_builder.crawl.sources import openalex
from dataset_builder.files import exclusive_lock
from dataset_builder.formats import read_format
from tests.conftest import REPOSITORY, contents
from tests.crawl_server import SourceServer, abstract_of, hang, page, serving, title_of

BATCHES = ("openalex", "semantic_scholar", "crossref")


@pytest.fixture
def web() -> Iterator[SourceServer]:
    """Serve two years: papers at each source, one paper at no source, and front matter."""
    with serving() as server:
        server.add("isca2020", 150)
        server.add("isca2021", 3, ("semantic_scholar",), start=200)
        server.add("isca2021", 3, ("crossref",), start=300)
        (on_page,) = server.add("isca2021", 1, (), start=400)
        server.pages[on_page.doi] = page(
            f'<meta name="citation_title" content="{on_page.title}">'
            f'<div class="abstractSection">{abstract_of(400)}</div>'
        )
        server.add("isca2021", 1, (), start=500)
        (editors,) = server.add("isca2021", 1, (), start=600)
        editors.kind = "Editorship"
        yield server


def words(server: SourceServer, out: Path, *more: object) -> tuple[object, ...]:
    """Return the command for a crawl of the two years without pauses."""
    urls = [word for name, url in server.base_urls.items() for word in ("--base-url", f"{name}={url}")]
    command = ("dataset_builder", "crawl", "--venue", "isca", "--years", "2020-2021", "--out", out)
    return (*command, "--pause", "0", "--sources", *BATCHES, "page", *urls, *more)


def final(out: Path) -> dict[str, bytes]:
    """Return the files of a finished crawl."""
    return {name: content for name, content in contents(out).items() if not name.startswith(".crawl")}


def test_crawl_writes_and_reports_all_papers_in_order(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """158 papers, one of them without an abstract: exit code 3, and file and report have it."""
    done = stage(*words(web, tmp_path / "papers"))
    assert done.returncode == 3, done.stderr
    assert "Missing abstracts: 1; --retry-missing asks again" in done.stdout
    papers = read_papers(tmp_path / "papers")
    assert [paper.title for paper in papers] == [
        title_of(number) for number in (*range(150), *range(200, 203), *range(300, 303), 400, 500)
    ]
    assert [paper.abstract for paper in papers[-2:]] == [abstract_of(400), None]
    lines = [json.loads(line) for line in (tmp_path / "papers/isca_2021.jsonl").open()]
    assert lines[0] == {
        "paper_id": "10.1145/isca2021.200",
        "title": title_of(200),
        "year": 2021,
        "venue": "isca",
        "paper_url": "https://doi.org/10.1145/isca2021.200",
        "doi": "10.1145/isca2021.200",
        "abstract": abstract_of(200),
        "abstract_source": "semantic_scholar",
    }
    report = read_format(CrawlReport, tmp_path / "papers/crawl_report.json", "")
    assert report.listed == 158
    assert report.years["2021"] == CrawledYear(
        listed=8,
        found={"openalex": 0, "semantic_scholar": 3, "crossref": 3, "page": 1},
        missing={"page: HTTP 404": 1},
        left_out={"front matter": 1},
    )
    assert [(paper.paper_id, paper.reasons["page"]) for paper in report.missing] == [
        ("10.1145/isca2021.500", "HTTP 404")
    ]
    assert (tmp_path / "papers/papers_by_year.png").read_bytes().startswith(b"\x89PNG")
    # A page on the venue and two per year; 158 DOIs in two requests; 8, then 5, then 2 that the earlier did not give.
    assert [len(web.asked(source)) for source in ("dblp", "openalex", "semantic_scholar", "crossref", "page")] == [
        *(5, 2, 1, 1, 2)
    ]


def test_two_crawls_into_one_folder_are_refused(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """The second crawl fails without a request; after the end of the first, it runs."""
    (tmp_path / ".crawl").mkdir()
    with exclusive_lock(tmp_path / ".crawl"):
        done = stage(*words(web, tmp_path))
    assert done.returncode == 2
    assert "another command is writing into it" in done.stderr
    assert not web.requests
    assert stage(*words(web, tmp_path)).returncode == 3


def test_second_crawl_sends_no_request(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """All outcomes are known, also of the missing paper: the files stay the same."""
    command = words(web, tmp_path, "--sources", *BATCHES)
    stage(*command)
    before = final(tmp_path)
    web.requests.clear()
    assert stage(*command).returncode == 3
    assert final(tmp_path) == before
    assert web.requests == []


def test_retry_missing_asks_again_for_missing_papers_only(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """When the first source has the abstract, one request for this paper finds it."""
    command = words(web, tmp_path, "--sources", *BATCHES, "page")
    stage(*command)
    web.requests.clear()
    web.volumes["isca2021"][7].abstracts["openalex"] = abstract_of(500)
    assert stage(*command, "--retry-missing").returncode == 0
    assert len(web.requests) == 1
    assert "isca2021.500" in web.requests[0][1]
    assert read_papers(tmp_path)[-1].abstract == abstract_of(500)


def test_retry_missing_asks_only_for_missing_papers_together(web: SourceServer, tmp_path: Path) -> None:
    """Each of two batches misses one of its papers: the two are asked for in one request, in order."""
    settings = Settings(base_urls=web.base_urls, pauses=dict.fromkeys(PAUSES, 0.0))
    del web.volumes["isca2021"]
    missing = [web.volumes["isca2020"][number] for number in (7, 130)]
    for paper in missing:
        paper.abstracts.clear()
    arguments = ("isca", [2020], tmp_path, ["openalex"], settings, Credentials())
    assert crawl(*arguments).found == 148
    web.requests.clear()
    assert crawl(*arguments, retry_missing=True).found == 148
    ((_, target, _),) = web.requests
    assert parse_qs(urlsplit(target).query)["filter"] == ["doi:10.1145/isca2020.7|10.1145/isca2020.130"]


def test_retry_that_was_stopped_continues(web: SourceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stopped retry has asked for all papers, and they are not asked for again; a later retry asks again.

    A retry of another year forgets no outcome of this one.
    """
    settings = Settings(base_urls=web.base_urls, pauses=dict.fromkeys(PAUSES, 0.0))
    web.volumes["isca2020"][7].abstracts.clear()
    arguments = ("isca", [2020], tmp_path, ["openalex"], settings, Credentials())
    crawl(*arguments)
    crawl("isca", [2021], tmp_path, ["openalex"], settings, Credentials(), retry_missing=True)
    web.requests.clear()
    crawl(*arguments)
    assert web.requests == []
    find_abstracts, calls = crawl_run.find_abstracts, []

    def interrupt(*given: Any) -> None:
        calls.append(find_abstracts(*given))
        raise KeyboardInterrupt

    monkeypatch.setattr(crawl_run, "find_abstracts", interrupt)
    with pytest.raises(KeyboardInterrupt):
        crawl(*arguments, retry_missing=True)
    monkeypatch.undo()
    assert len(web.requests) == 1
    crawl(*arguments, retry_missing=True)
    assert len(web.requests) == 1
    crawl(*arguments, retry_missing=True)
    assert len(web.requests) == 2


def test_batches_after_an_interruption_are_those_of_an_unbroken_crawl(
    web: SourceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """150 papers: the second batch of OpenAlex is not answered; then it is asked for as it would have been."""
    settings = Settings(base_urls=web.base_urls, pauses=dict.fromkeys(PAUSES, 0.0))
    years, sources = [2020], ["openalex"]
    crawl("isca", years, tmp_path / "unbroken", sources, settings, Credentials())
    unbroken = web.asked("openalex")
    web.requests.clear()
    fetch, calls = openalex.fetch_answers, []

    def interrupt(client: Client, dois: list[str]) -> dict[str, Answer]:
        calls.append(dois)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fetch(client, dois)

    monkeypatch.setattr(openalex, "fetch_answers", interrupt)
    with pytest.raises(KeyboardInterrupt):
        crawl("isca", years, tmp_path / "killed", sources, settings, Credentials())
    monkeypatch.undo()
    crawl("isca", years, tmp_path / "killed", sources, settings, Credentials())
    assert web.asked("openalex") == unbroken
    assert final(tmp_path / "killed") == final(tmp_path / "unbroken")


def test_failures_in_a_row_are_counted_across_a_kill(tmp_path: Path) -> None:
    """Failures after the last answer count; those about a paper that another source has do not."""
    papers = [
        Paper(
            paper_id=f"10.1/{number}",
            title="A",
            year=2020,
            venue="isca",
            paper_url="u",
            doi=f"10.1/{number}",
            abstract=None,
        )
        for number in range(6)
    ]
    failed = [Outcome(paper_key(paper), "openalex", None, "HTTP 500", failed=True) for paper in papers]
    Outcomes(tmp_path).add([failed[0], Outcome(paper_key(papers[1]), "openalex", "Text.")])
    Outcomes(tmp_path).add([*failed[2:5], Outcome(paper_key(papers[2]), "crossref", "Text.")])
    assert Outcomes(tmp_path).failed_last(papers, "openalex") == 2
    assert Outcomes(tmp_path).failed_last(papers[:2], "openalex") == 0
    assert Outcomes(tmp_path).failed_last(papers[:1], "openalex") == 1


def test_crawl_with_another_source_asks_it_for_missing_papers_only(
    web: SourceServer, tmp_path: Path, stage: Callable
) -> None:
    """What the first crawl found stays in the files, with its source, and the report counts it."""
    stage(*words(web, tmp_path, "--sources", *BATCHES))
    before = read_papers(tmp_path)
    assert sum(paper.abstract is None for paper in before) == 2
    web.requests.clear()
    assert stage(*words(web, tmp_path, "--sources", "page")).returncode == 3
    assert [source for source, _, _ in web.requests] == ["page", "page"]
    after = read_papers(tmp_path)
    assert after[:-2] == before[:-2]
    assert [paper.abstract for paper in after[-2:]] == [abstract_of(400), None]
    report = read_format(CrawlReport, tmp_path / "crawl_report.json", "")
    assert report.sources == [*BATCHES, "page"]
    assert report.years["2021"].found == {"openalex": 0, "semantic_scholar": 3, "crossref": 3, "page": 1}


def test_pages_are_counted_by_lines_without_a_terminal(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """A line for every 25 of the 158 pages."""
    done = stage(*words(web, tmp_path, "--sources", "page"))
    lines = [line for line in done.stderr.splitlines() if "papers asked for" in line]
    assert lines == [f"page: {number} of 158 papers asked for" for number in (25, 50, 75, 100, 125, 150)]


def test_list_again_finds_papers_that_dblp_added(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """Without the option, the list of the earlier crawl is used."""
    command = words(web, tmp_path)
    stage(*command)
    web.add("isca2021", 1, start=700)
    stage(*command)
    assert len(read_papers(tmp_path)) == 158
    stage(*command, "--list-again")
    assert [paper.abstract for paper in read_papers(tmp_path)[158:]] == [abstract_of(700)]


def test_crawl_killed_again_and_again_ends_in_the_same_files(
    web: SourceServer, tmp_path: Path, stage: Callable, killed: Callable
) -> None:
    """Killed at each of these points and continued, a crawl ends with the files of an unbroken one."""
    stage(*words(web, tmp_path / "unbroken"))
    unbroken = [source for source, _, _ in web.requests if source != "dblp"]
    web.requests.clear()
    for function, count in (
        # Before anything is listed, while the first listing is written, and while the second is.
        ("dataset_builder.crawl.run.list_year", 1),
        ("os.replace", 1),
        ("os.replace", 2),
        # Between listing and abstracts, in the middle of a source, between two, between two pages.
        ("dataset_builder.crawl.sources.openalex.fetch_answers", 1),
        ("dataset_builder.crawl.sources.openalex.fetch_answers", 2),
        ("dataset_builder.crawl.sources.crossref.fetch_answers", 1),
        ("dataset_builder.crawl.sources.publisher_page.fetch_answer", 2),
        # While the first file of papers is written, the second, a figure, the report.
        ("os.replace", 1),
        ("os.replace", 2),
        ("os.replace", 4),
        ("os.replace", 5),
    ):
        killed(function, count, *words(web, tmp_path / "killed"))
    assert not (tmp_path / "killed/crawl_report.json").exists()
    assert stage(*words(web, tmp_path / "killed")).returncode == 3
    assert final(tmp_path / "killed") == final(tmp_path / "unbroken")
    # No answer is requested twice.
    assert [source for source, _, _ in web.requests if source != "dblp"] == unbroken


def test_stopped_crawl_asks_nothing_more_and_continues(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """It is stopped while it waits for the first of two pages, and does not take this for a failure of the page."""
    answers = web.pages.copy()
    web.pages = dict.fromkeys(("10.1145/isca2021.400", "10.1145/isca2021.500"), hang(30.0))
    command = [sys.executable, "-m", *map(str, words(web, tmp_path))]
    crawling = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not web.asked("page"):
        assert crawling.poll() is None
        time.sleep(0.05)
    crawling.terminate()
    _, message = crawling.communicate(timeout=15)
    assert crawling.returncode == 130
    assert message.endswith("interrupted: run the same command again to continue\n")
    assert len(web.asked("page")) == 1
    web.pages = answers
    stage(*words(web, tmp_path))
    assert [paper.abstract for paper in read_papers(tmp_path)[-2:]] == [abstract_of(400), None]


def test_incomplete_line_in_the_journal_is_ignored(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """A kill in the middle of a write leaves half a line; its papers are asked for again."""
    command = words(web, tmp_path, "--sources", *BATCHES)
    stage(*command)
    before = final(tmp_path)
    journal = tmp_path / ".crawl/outcomes-00000.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    assert stage(*command).returncode == 3
    assert final(tmp_path) == before


def test_listing_of_an_older_version_is_refused(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """The message names the file and the remedy."""
    (tmp_path / ".crawl").mkdir()
    (tmp_path / ".crawl/isca_2020.json").write_text('{"papers": [{"paper_id": "x"}], "left_out": []}')
    done = stage(*words(web, tmp_path))
    assert done.returncode == 2
    assert "isca_2020.json: has no 'papers.0.title'" in done.stderr
    assert "remove the file to list the year again" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(5))
def test_crawl_killed_at_a_random_moment_ends_in_the_same_files(
    web: SourceServer, tmp_path: Path, stage: Callable, moment: int
) -> None:
    """The crawl gets SIGKILL at a random moment."""
    web.delay = 0.1
    begun = time.monotonic()
    command = [sys.executable, "-m", *map(str, words(web, tmp_path / "unbroken"))]
    # A process like the one to be killed, with the same imports.
    subprocess.run(command, cwd=REPOSITORY, capture_output=True)
    wait = random.Random(moment).uniform(0.2, 1.0) * (time.monotonic() - begun)
    command = [sys.executable, "-m", *map(str, words(web, tmp_path / "killed"))]
    code = None
    while code != -signal.SIGKILL:
        shutil.rmtree(tmp_path / "killed", ignore_errors=True)
        crawling = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            code = crawling.wait(wait)
            # It ended by itself, since it loaded faster than the first one.
            wait *= 0.7
        except subprocess.TimeoutExpired:
            os.killpg(crawling.pid, signal.SIGKILL)
            code = crawling.wait()
    assert stage(*words(web, tmp_path / "killed")).returncode == 3
    assert final(tmp_path / "killed") == final(tmp_path / "unbroken")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--venue", "nosuch"), "DBLP does not know this venue"),
        (("--venue", "../isca"), "use a key of letters and digits"),
        (("--years", "1971"), "DBLP lists isca in 2020, 2021"),
        (("--years", "2024-2005"), "must be a year or a span of years"),
        (("--sources", "openalex", "scholar"), "invalid choice: 'scholar'"),
        (("--sources", "page", "openalex", "page"), "name each source once"),
        (("--base-url", "openalex=file:///etc"), "a URL of http or https"),
        (("--timeout", "0"), "'0': must be a number from 0.1 to 3600"),
        (("--timeout", "nan"), "must be a number from"),
        (("--timeout", "inf"), "must be a number from"),
        (("--timeout", "ten"), "must be a number from"),
        (("--pause=-1",), "'-1': must be a number from 0 to 3600"),
        (("--pause", "1e9"), "must be a number from"),
    ],
)
def test_bad_input_ends_with_exit_code_2(
    web: SourceServer, tmp_path: Path, stage: Callable, change: tuple[str, ...], message: str
) -> None:
    """The message names the value and the remedy, without a traceback."""
    done = stage(*words(web, tmp_path / "papers", *change))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
