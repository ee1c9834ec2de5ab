"""Serve all sources of the crawler on loopback, in the shapes of their APIs, with faults on demand."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SUBJECTS = ("cache", "branch predictor", "prefetcher", "memory controller", "accelerator", "interconnect", "scheduler")
VERBS = ("Predicting", "Compressing", "Sharing", "Verifying", "Cooling", "Partitioning", "Replaying", "Bypassing")


def title_of(number: int) -> str:
    """Return a title that is unlike the title of every other number."""
    subject, verb = SUBJECTS[number % len(SUBJECTS)], VERBS[number // len(SUBJECTS) % len(VERBS)]
    return f"{''.join(chr(97 + int(digit)) * 4 for digit in str(number))}: {verb} the {subject} of machine {number}"


def abstract_of(number: int) -> str:
    """Return an abstract that is long enough and names its number."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    return (
        f"Machine {number} spends most of its time waiting for its {subject}. We describe a {subject} that is asked "
        f"less often and answers sooner, and measure it on {number + 3} programs. It needs no change to the "
        "instruction set, and the time spent waiting falls by a third."
    )


@dataclass
class FakePaper:
    """The data that the sources have about a paper: `abstracts` by source, DBLP's URL `ee` and heading `section`."""

    number: int
    doi: str | None
    title: str
    abstracts: dict[str, str] = field(default_factory=dict)
    kind: str = "inproceedings"
    ee: str | None = None
    section: str = "Session 1"


class SourceServer(ThreadingHTTPServer):
    """All sources, each below its own path. `requests` holds source, target and headers of each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.volumes: dict[str, list[FakePaper]] = {}
        self.titles: dict[tuple[str, str], str] = {}
        # By source: changes of the first record in each answer.
        self.changes: dict[str, dict[str, Any]] = {}
        # By source: the faults that the next requests get in place of an answer.
        self.faults: dict[str, list[Callable[[_Handler], None]]] = {}
        # By DOI or path: the publisher's page.
        self.pages: dict[str, Callable[[_Handler], None]] = {}
        self.delay = 0.0
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.spans: list[tuple[str, float, float]] = []
        self.lock = Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up, as killed crawls do."""

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def base_urls(self) -> dict[str, str]:
        """Return the base URL of each source."""
        names = ("dblp", "openalex", "semantic_scholar", "crossref", "page", "browser")
        return {name: f"{self.url}/{name}" for name in names}

    def add(
        self, volume: str, count: int, sources: tuple[str, ...] = ("openalex",), start: int = 0
    ) -> list[FakePaper]:
        """List `count` papers in a volume, with abstracts at `sources`, and return them."""
        papers = [
            FakePaper(
                number,
                f"10.1145/{volume}.{number}",
                title_of(number),
                {source: abstract_of(number) for source in sources},
            )
            for number in range(start, start + count)
        ]
        self.volumes.setdefault(volume, []).extend(papers)
        return papers

    def asked(self, source: str) -> list[str]:
        """Return the targets of the requests to a source."""
        return [target for name, target, _ in self.requests if name == source]


class _Handler(BaseHTTPRequestHandler):
    server: SourceServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        begun = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        source, _, rest = parts.path.lstrip("/").partition("/")
        with self.server.lock:
            self.server.requests.append((source, self.path, dict(self.headers.items())))
            faults = self.server.faults.get(source)
            fault = faults.pop(0) if faults else None
        time.sleep(self.server.delay)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}

        def serve() -> None:
            if source == "dblp":
                self._dblp(rest)
            elif source in ("openalex", "semantic_scholar", "crossref"):
                getattr(self, f"_{source}")(query, body)
            else:
                self.server.pages.get(unquote(rest), status(404))(self)

        (fault or (lambda _: serve()))(self)
        self.server.spans.append((source, begun, time.monotonic()))

    def answer(self, body: bytes, kind: str = "application/json", code: int = 200, **headers: str) -> None:
        """Send a complete answer."""
        self.send_response(code)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _json(self, value: Any) -> None:
        self.answer(json.dumps(value).encode())

    def _known(self, dois: list[str], source: str) -> list[tuple[FakePaper, str]]:
        papers = {paper.doi: paper for volume in self.server.volumes.values() for paper in reversed(volume)}
        known = [papers[doi] for doi in dois if doi in papers]
        return [(paper, self.server.titles.get((source, paper.doi), paper.title)) for paper in known]

    def _dblp(self, path: str) -> None:
        venue, page = re.fullmatch(r"db/conf/(\w+)/([\w-]+)\.html", path).groups()
        if page == "index":
            links = [name for name in self.server.volumes if name.startswith((venue, "pact"))]
            html = "".join(f'<li><a href="https://dblp.org/db/conf/{venue}/{name}.html">x</a></li>' for name in links)
            self.answer(html.encode(), "text/html; charset=utf-8", 200 if links else 404)
        else:
            entries = "".join(
                f"<header><h2>{paper.section}</h2></header>"
                f'<li class="entry {paper.kind}" id="conf/x/{page}-{paper.number}"><nav class="publ"><ul>'
                f'<li class="drop-down"><div class="head"><a href="{self._ee(paper)}">e</a></div></li></ul></nav>'
                '<cite><span itemprop="author">A. Author</span>'
                f'<span class="title" itemprop="name">{paper.title}.</span></cite></li>'
                for paper in self.server.volumes[page]
            )
            self.answer(f'<ul class="publ-list">{entries}</ul>'.encode(), "text/html; charset=utf-8")

    def _ee(self, paper: FakePaper) -> str | None:
        return paper.ee or (f"https://doi.org/{paper.doi}" if paper.doi else None)

    def _openalex(self, query: dict[str, str], _: bytes) -> None:
        dois = query["filter"].removeprefix("doi:").split("|")
        assert len(dois) <= 100, "OpenAlex takes at most 100 values"
        results = []
        # Not in the order of the request, like the real OpenAlex.
        for paper, title in reversed(self._known(dois, "openalex")):
            index: dict[str, list[int]] = {}
            for position, word in enumerate(paper.abstracts.get("openalex", "").split()):
                index.setdefault(word, []).append(position)
            results.append(
                {
                    "doi": f"https://doi.org/{paper.doi}",
                    "display_name": title,
                    "abstract_inverted_index": dict(sorted(index.items())) or None,
                }
            )
        per_page = int(query.get("per_page", 25))
        results = results[:per_page]
        results[:1] = [record | self.server.changes.get("openalex", {}) for record in results[:1]]
        self._json({"meta": {"count": len(results), "page": 1, "per_page": per_page}, "results": results})

    def _semantic_scholar(self, _: dict[str, str], body: bytes) -> None:
        dois = [identifier.removeprefix("DOI:") for identifier in json.loads(body)["ids"]]
        known = {paper.doi: (paper, title) for paper, title in self._known(dois, "semantic_scholar")}
        if not known:
            self.answer(b'{"error":"No valid paper ids given"}', code=400)
            return
        self._json(
            [
                {"paperId": "0", "title": known[doi][1], "abstract": known[doi][0].abstracts.get("semantic_scholar")}
                if doi in known
                else None
                for doi in dois
            ]
        )

    def _crossref(self, query: dict[str, str], _: bytes) -> None:
        dois = [value.removeprefix("doi:") for value in query["filter"].split(",")]
        items = []
        for paper, title in self._known(dois, "crossref"):
            item = {"DOI": paper.doi.upper(), "title": [title]}
            if "crossref" in paper.abstracts:
                item["abstract"] = f"<jats:title>Abstract</jats:title><jats:p>{paper.abstracts['crossref']}</jats:p>"
            items.append(item)
        self._json({"status": "ok", "message-type": "work-list", "message": {"items": items}})


def status(code: int, **headers: str) -> Callable[[_Handler], None]:
    """Answer with a status only."""
    return lambda handler: handler.answer(b"<html>no</html>", "text/html", code, **headers)


def page(html: str | bytes, kind: str = "text/html; charset=utf-8") -> Callable[[_Handler], None]:
    """Answer with a page."""
    return lambda handler: handler.answer(html if isinstance(html, bytes) else html.encode(), kind)


def redirect(path: str) -> Callable[[_Handler], None]:
    """Answer that the page is elsewhere."""
    return status(302, Location=path)


def cut_off(body: bytes = b'{"results": [') -> Callable[[_Handler], None]:
    """Announce more bytes than are sent, and hang up."""

    def send(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    return send


def drip(beginning: bytes) -> Callable[[_Handler], None]:
    """Send `beginning`, then one byte every tenth of a second, for eight seconds."""

    def send(handler: _Handler) -> None:
        handler.wfile.write(beginning)
        for _ in range(80):
            handler.wfile.write(b"a")
            time.sleep(0.1)
        handler.close_connection = True

    return send


def hang(seconds: float) -> Callable[[_Handler], None]:
    """Send nothing for some seconds, then hang up."""

    def send(handler: _Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return send


@contextmanager
def serving() -> Any:
    """Yield a running server."""
    server = SourceServer()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
