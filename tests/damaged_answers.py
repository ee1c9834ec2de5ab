"""Damage the answers of the sources at random: their JSON, HTML, bytes, headers and status."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.crawl_server import title_of

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
