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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dataset_builder.corpus.papers import read_papers
from dataset_builder.crawl.report import CrawlReport
from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import PAUSES, Credentials, Settings
from dataset_builder.errors import InputError
from tests.crawl_server import FakePaper, SourceServer, abstract_of, page, serving, title_of

SOURCES = ("openalex", "semantic_scholar", "crossref", "page")
# Papers whose subjects, verbs and numbers all differ.
NUMBERS = range(0, 56, 8)
PAPERS_PER_CRAWL = 5
MOST_FAILURES = 10
DEEP, LONG = 3000, 30_000
ODD_VALUES = [None, True, 0, -1, 10**30, 1.5e308, "", " ", [], {}, [None], [[]], {"a": None}, "\ud800", "\0", "\ufffd"]
ODD_VALUES += [
    "x" * LONG,
    "No abstract available.",
    "We use cookies to improve this site. " * 9,
    title_of(55),
    "10.1145/9",
]
ODD_TEXTS = [
    "\0",
    "\x1b[31m",
    "\ufffd",
    "\u202e",
    "\u200b",
    "\ud800",
    "&#99999999999;",
    "&#0;",
    "<b>",
    "</p>",
    "<!--",
    "]]>",
]
ODD_TEXTS += ["<script>", "<sub>" * DEEP, "\u00e2\u20ac\u0153", "&amp;amp;lt;", "\\", '"', "...", "\u2028"]
ODD_BYTES = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"<",
    b">",
    b'"',
    b"{",
    b"[" * LONG,
    b"9" * 5000,
    b"\\ud800",
    b"&#x0;",
]
ODD_BYTES += [b"<div>" * DEEP, b"<![CDATA[", b"<?xml version='1.0' encoding='utf-32'?>", b"\r\n\r\n", b"x" * 300_000]
ODD_HEADERS = {
    "Content_Type": ["", "text/html; charset=", "text/html; charset=punycode", "x; charset=\xff", "a/b; charset=hex"],
    "Content_Length": ["-1", "abc", "0", "10, 20", "9" * 400],
    "Content_Encoding": ["gzip", "deflate", "br", "zstd", "nonsense", "gzip, gzip"],
    "Retry_After": ["-1", "soon", "nan", "1e999", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "\xb2"],
    "Location": [
        "http://[::1",
        "//",
        "",
        "file:///etc/passwd",
        "http://a:99999/",
        "/\xff",
        f"http://{'a' * 70}.invalid/",
    ],
    "Set_Cookie": ["a", "=;=;", f"a={'b' * 9000}", "a=b; expires=never; path=\xff"],
    "x_rate_limit_limit": ["0", "-1", "\xb2", "1", "9" * 5000],
    "x_rate_limit_interval": ["s", "\xb2s", "99999999s", f"{'9' * 400}s", "1h"],
    "Expires": ["0", "-1", "Mon, 99 Foo 99999"],
    "Transfer_Encoding": ["chunked", "gzip", "identity, chunked"],
}
ODD_STATUSES = [
    100,
    201,
    204,
    206,
    301,
    302,
    304,
    307,
    308,
    400,
    401,
    403,
    404,
    410,
    418,
    429,
    451,
    500,
    503,
    599,
    999,
]


@dataclass
class Answer:
    """An answer before it is sent."""

    body: bytes
    kind: str
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def _nodes(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a JSON value, as its container and its key there."""
    places = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else [])
    return [(value, key) for key, _ in places] + [place for _, child in places for place in _nodes(child)]


def _damage_json(answer: Answer, draw: random.Random) -> None:
    value = json.loads(answer.body)
    nodes = _nodes(value)
    if not nodes:
        return
    container, key = draw.choice(nodes)
    lists = [(where[at]) for where, at in nodes if isinstance(where[at], list)] + [value] * isinstance(value, list)
    match draw.randrange(7):
        case 0 | 1:
            container[key] = draw.choice(ODD_VALUES)
        case 2:
            del container[key]
        case 3 if lists:
            draw.shuffle(draw.choice(lists))
        case 4 if lists and (chosen := draw.choice(lists)):
            chosen.insert(draw.randrange(len(chosen) + 1), draw.choice([draw.choice(chosen), draw.choice(ODD_VALUES)]))
        case 5:
            for _ in range(500):
                container[key] = [container[key]]
        case _:
            if isinstance(container[key], str):
                container[key] = _insert(container[key], draw.choice(ODD_TEXTS), draw)
    answer.body = json.dumps(value, ensure_ascii=draw.random() < 0.7).encode("utf-8", "surrogatepass")


def _insert(text: Any, odd: Any, draw: random.Random) -> Any:
    at = draw.randrange(len(text) + 1)
    return text[:at] + odd + text[at:]


def _damage_text(answer: Answer, draw: random.Random) -> None:
    """Insert odd characters or markup; move, repeat or remove a tag."""
    text = answer.body.decode()
    tags = re.findall(r"<[^>]*>", text)
    match draw.randrange(3 if tags else 1):
        case 0:
            text = _insert(text, draw.choice(ODD_TEXTS), draw)
        case 1:
            text = text.replace(draw.choice(tags), draw.choice(["", "<", draw.choice(tags), "<p " * 500]), 1)
        case _:
            text = text.replace(tag := draw.choice(tags), tag * draw.choice((2, DEEP)), 1)
    answer.body = text.encode("utf-8", "surrogatepass")


def _damage_bytes(answer: Answer, draw: random.Random) -> None:
    body = answer.body
    start = draw.randrange(len(body) + 1)
    end = start + draw.choice((1, 5, 50))
    answer.body = draw.choice(
        (
            b"",
            body[:start],
            body[start:],
            body[:start] + body[end:],
            body[:start] + draw.choice(ODD_BYTES) + body[start:],
            body[:start] + bytes([draw.randrange(256)]) + body[start + 1 :],
            body + body,
            draw.randbytes(200),
            body.decode("utf-8", "replace").encode("utf-16"),
        )
    )


def _damage_headers(answer: Answer, draw: random.Random) -> None:
    for name in draw.sample(sorted(ODD_HEADERS), 2):
        answer.headers[name] = draw.choice(ODD_HEADERS[name])
    if draw.random() < 0.5:
        answer.code = draw.choice(ODD_STATUSES)


def damage(answer: Answer, draw: random.Random) -> None:
    """Damage an answer in one or two ways."""
    for _ in range(draw.choice((1, 1, 2))):
        structured = _damage_json if answer.kind == "application/json" else _damage_text
        try:
            draw.choice((structured, structured, structured, _damage_bytes, _damage_headers))(answer, draw)
        except (ValueError, RecursionError):
            # The body was damaged before, and is neither JSON nor text any more.
            _damage_bytes(answer, draw)


class Damager:
    """Send damaged answers in place of good ones, and count them by source."""

    def __init__(self, draw: random.Random, share: float) -> None:
        self.draw = draw
        self.share = share
        self.sent: Counter[str] = Counter()

    def __call__(self, handler: Any) -> None:
        """Serve a request: damage a `share` of the answers."""
        if self.draw.random() >= self.share:
            handler.serve()
            return
        original, caught = handler.answer, []
        handler.answer = lambda body, kind="application/json", code=200, **headers: caught.append(
            Answer(body, kind, code, headers)
        )
        handler.serve()
        del handler.answer
        (answer,) = caught
        damage(answer, self.draw)
        self.sent[handler.path.split("/")[1].partition("?")[0]] += 1
        # With a wrong length or encoding the connection cannot be used again.
        handler.close_connection = True
        original(answer.body, answer.kind, answer.code, **answer.headers)


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
