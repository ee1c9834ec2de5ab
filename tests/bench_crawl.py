"""`make bench-crawl`: measure time and requests of a crawl of 20 years over loopback.

The server needs 100 ms per answer; OpenAlex has every abstract. The crawl runs twice: with the pauses that the real
hosts get, and without pauses. A crawl with one request per paper is computed for comparison. Programs read the last
two lines.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import PAUSES, SOURCES, Credentials, Settings
from tests.crawl_server import SourceServer, serving

YEARS = range(2005, 2025)
PAPERS = 1144
DELAY = 0.1
# One page per paper, with a pause of one second after each.
ONE_BY_ONE = PAPERS * (DELAY + 1.0)


def measure(server: SourceServer, pauses: dict[str, float]) -> tuple[float, int]:
    """Return the seconds and requests of a crawl into a new folder; exit with an error if a paper is not found."""
    server.requests.clear()
    with tempfile.TemporaryDirectory() as out:
        begun = time.monotonic()
        # Two names of one server, because DBLP and OpenAlex are two hosts with their own pauses. Others are not asked.
        base_urls = dict.fromkeys(PAUSES, "http://127.0.0.1:9") | {
            "dblp": server.base_urls["dblp"],
            "openalex": server.base_urls["openalex"].replace("127.0.0.1", "localhost"),
        }
        settings = Settings(base_urls=base_urls, pauses=pauses)
        report = crawl("isca", list(YEARS), Path(out), list(SOURCES), settings, Credentials())
        seconds = time.monotonic() - begun
    if report.found != PAPERS:
        raise SystemExit(f"found {report.found} of {PAPERS} papers")
    return seconds, len(server.requests)


def main() -> None:
    """Run the crawl with and without pauses, and print the times next to the time with one request per paper."""
    logging.basicConfig(level=logging.WARNING)
    with serving() as server:
        for position, year in enumerate(YEARS):
            count = PAPERS // len(YEARS) + (position < PAPERS % len(YEARS))
            server.add(f"isca{year}", count, start=100 * position)
        server.delay = DELAY
        without, _ = measure(server, dict.fromkeys(PAUSES, 0.0))
        with_pauses, requests = measure(server, PAUSES)
    write = sys.stdout.write
    write(f"{PAPERS} papers of {len(YEARS)} years, {DELAY * 1000:.0f} ms per request\n")
    write(f"one request per paper with a pause of 1 s (computed): {ONE_BY_ONE:.1f} s\n")
    write(f"this crawl without pauses: {without:.1f} s, ratio {ONE_BY_ONE / without:.1f}\n")
    write(f"this crawl with its pauses: {with_pauses:.1f} s\n")
    write(f"requests: {requests}\n")
    write(f"ratio: {ONE_BY_ONE / with_pauses:.1f}\n")


if __name__ == "__main__":
    main()
