"""Crawl from a local server whose answers are damaged at random, then again from good ones.

python -m tests.stress_crawl --count 1000
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import re
import sys
import tempfile
import traceback
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dataset_builder.corpus.papers import read_papers
from dataset_builder.crawl.report import CrawlReport
from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import PAUSES, Credentials, Settings
from dataset_builder.errors import InputError
from tests.crawl_server import FakePaper, SourceServer, abstract_of, page, serving, title_of
from tests.damaged_answers import Damager

SOURCES = ("openalex", "semantic_scholar", "crossref", "page")
# Papers whose subjects, verbs and numbers all differ.
NUMBERS = range(0, 56, 8)
PAPERS_PER_CRAWL = 5
MOST_FAILURES = 10


def shown(paper: FakePaper, draw: random.Random) -> Callable[[Any], None]:
    """Return the publisher's page of a paper, in ACM's layout or in IEEE's."""
    if draw.random() < 0.5:
        metadata = json.dumps({"title": paper.title, "abstract": abstract_of(paper.number)})
        return page(f"<html><body><script>xplGlobal.document.metadata = {metadata};</script></body></html>")
    return page(
        f'<html><head><meta name="dc.Title" content="{paper.title}"></head><body><h1>{paper.title}</h1>'
        f'<section id="abstract"><h2>Abstract</h2><div role="paragraph">{abstract_of(paper.number)}</div></section>'
        "</body></html>"
    )


def _crawl(web: SourceServer, out: Path, sources: Sequence[str], again: bool) -> CrawlReport:
    settings = Settings(
        base_urls=web.base_urls,
        pauses=dict.fromkeys(PAUSES, 0.0),
        timeout=2.0,
        backoff=0.0,
        retries=0,
        longest_retry_after=0.05,
        largest_answer=250_000,
    )
    keys = Credentials("key", "key", "somebody@contact.invalid")
    return crawl("isca", [2020], out, sources, settings, keys, retry_missing=again, list_again=again)


def check_found(out: Path, good_titles: dict[str, int]) -> int:
    """Check that each abstract in the files is the paper's own and clean text; return the number of abstracts."""
    papers = [paper for paper in read_papers(out) if paper.abstract] if list(out.glob("isca_*.jsonl")) else []
    for paper in papers:
        text, name = paper.abstract or "", f"{paper.title!r} has {paper.abstract!r}"
        named = re.match(r"\W*Machine (\d+) spends", text)
        if paper.title in good_titles and named:
            assert int(named[1]) == good_titles[paper.title], f"another paper's abstract: {name}"
        assert len(text) >= 150 and text.strip() == text, f"too short: {name}"
        assert not re.search(r"</?(?:p|b|sub|div|script|h2|section|jats:\w+)\b", text), f"markup: {name}"
        odd = {
            character for character in text if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl")
        }
        assert not odd, f"odd characters {odd}: {name}"
        assert re.search(r"[.!?][\"')\]]*$", text) and not text.endswith(("...", "\u2026")), f"cut off: {name}"
        assert not re.search("cookies|abstract available", text, re.IGNORECASE), f"no abstract: {name}"
    return len(papers)


def run_case(web: SourceServer, out: Path, draw: random.Random, counts: Counter[str]) -> None:
    """Crawl five papers from damaged answers, check the files, and crawl again from good ones."""
    numbers = draw.sample(NUMBERS, PAPERS_PER_CRAWL)
    web.volumes, web.pages = {}, {}
    for number in numbers:
        (paper,) = web.add("isca2020", 1, SOURCES[:3], start=number)
        web.pages[paper.doi or ""] = shown(paper, draw)
    titles = {title_of(number): number for number in numbers}
    # In a third of the cases, one of DBLP's three answers.
    dblp, others = Damager(draw, 1.0), Damager(draw, 0.85)
    good = lambda handler: handler.serve()  # noqa: E731
    damaged = draw.randrange(9)
    web.faults = {source: [others] * 50 for source in SOURCES}
    web.faults["dblp"] = [dblp if number == damaged else good for number in range(3)]
    # A page is an answer on one paper, the other sources answer on all at once.
    sources = draw.sample(SOURCES, len(SOURCES))
    if draw.random() < 0.5:
        sources.sort(key=lambda source: source != "page")
    try:
        report = _crawl(web, out, sources, again=False)
    except InputError:
        counts["crawls refused with one message"] += 1
    else:
        counts["crawls with files"] += 1
        listed = report.listed + len(report.left_out)
        assert report.not_listed or listed >= PAPERS_PER_CRAWL, f"{listed} entries of the list"
        counts["abstracts from damaged answers' crawls"] += check_found(out, titles)
    counts.update({f"damaged answers, {name}": count for name, count in (dblp.sent + others.sent).items()})
    counts["damaged answers"] += (dblp.sent + others.sent).total()
    web.faults = {}
    report = _crawl(web, out, sources, again=True)
    papers = read_papers(out)
    assert not report.not_listed, f"lost: {report.not_listed}"
    assert {paper.title for paper in papers} == set(titles), f"lost: {[paper.title for paper in papers]}"
    assert all(paper.abstract for paper in papers), f"lost: {report.outcomes}"
    assert check_found(out, titles) == PAPERS_PER_CRAWL
    counts["papers found afterwards"] += len(papers)


def main() -> None:
    """Run cases until `count` damaged answers were sent; exit with 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="damaged answers; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--only", type=int, metavar="CASE", help="run one case")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    counts: Counter[str] = Counter()
    case = arguments.only or 0
    while counts["damaged answers"] < arguments.count:
        # A new server for each case: an abandoned request may still come to the old one.
        with (
            serving() as web,
            tempfile.TemporaryDirectory(prefix="stress_crawl-") as folder,
            patch("dataset_builder.crawl.run.draw_papers_by_year"),
        ):
            try:
                run_case(web, Path(folder), random.Random(f"{arguments.seed} {case}"), counts)
            except Exception:
                traceback.print_exc()
                sys.stderr.write(f"failed: --seed {arguments.seed} --only {case}\n")
                counts["failures"] += 1
        case += 1
        if arguments.only is not None or counts["failures"] == MOST_FAILURES:
            break
    for name, count in sorted(counts.items()):
        sys.stdout.write(f"{name}: {count}\n")
    sys.exit(1 if counts["failures"] else 0)


if __name__ == "__main__":
    main()
