"""The crawl command: its files and exit codes, and a killed crawl ends in the same files."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dataset_builder.corpus.papers import read_papers
from dataset_builder.crawl import run as crawl_run
from dataset_builder.crawl.report import CrawledYear, CrawlReport
from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import PAUSES, Settings
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
        editors.kind = "editor"
        yield server


def words(server: SourceServer, out: Path, *more: object) -> tuple[object, ...]:
    """Return the command for a crawl of the two years without pauses."""
    command = ("tests.local_crawl", server.url, "--venue", "isca", "--years", "2020-2021", "--out", out)
    return (*command, "--sources", *BATCHES, "page", *more)


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
    # A page on the venue and one per year; 158 DOIs in two requests; 8, then 5, then 2 that the earlier did not give.
    assert [len(web.asked(source)) for source in ("dblp", "openalex", "semantic_scholar", "crossref", "page")] == [
        *(3, 2, 1, 1, 2)
    ]


def test_second_crawl_sends_no_request(web: SourceServer, tmp_path: Path, stage: Callable) -> None:
    """All outcomes are known, also of the missing paper: the files stay the same."""
    command = words(web, tmp_path, "--sources", *BATCHES)
    stage(*command)
    before = final(tmp_path)
    web.requests.clear()
    assert stage(*command).returncode == 3
    assert final(tmp_path) == before
    assert web.requests == []


def test_retry_missing_asks_only_for_missing_papers_together(web: SourceServer, tmp_path: Path) -> None:
    """Each of two batches misses one of its papers: the two are asked for in one request, in order."""
    settings = Settings(base_urls=web.base_urls, pauses=dict.fromkeys(PAUSES, 0.0))
    del web.volumes["isca2021"]
    missing = [web.volumes["isca2020"][number] for number in (7, 130)]
    for paper in missing:
        paper.abstracts.clear()
    arguments = ("isca", [2020], tmp_path, ["openalex"], settings)
    assert crawl(*arguments).found == 148
    web.requests.clear()
    assert crawl(*arguments, retry_missing=True).found == 148
    ((_, target, _),) = web.requests
    assert parse_qs(urlsplit(target).query)["filter"] == ["doi:10.1145/isca2020.7|10.1145/isca2020.130"]


def test_retry_that_was_stopped_continues(web: SourceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stopped retry has asked for all papers, and they are not asked for again; a later retry asks again."""
    settings = Settings(base_urls=web.base_urls, pauses=dict.fromkeys(PAUSES, 0.0))
    web.volumes["isca2020"][7].abstracts.clear()
    arguments = ("isca", [2020], tmp_path, ["openalex"], settings)
    crawl(*arguments)
    web.requests.clear()
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
        # While the first file of papers is written, the second, the report.
        ("os.replace", 1),
        ("os.replace", 2),
        ("os.replace", 3),
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--venue", "nosuch"), "DBLP does not know this venue"),
        (("--venue", "../isca"), "use a key of letters and digits"),
        (("--years", "1971"), "DBLP lists isca in 2020, 2021"),
        (("--years", "2024-2005"), "must be a year or a span of years"),
        (("--sources", "openalex", "scholar"), "invalid choice: 'scholar'"),
        (("--sources", "page", "openalex", "page"), "name each source once"),
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
