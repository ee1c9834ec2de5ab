"""`make bench-crawl`: measure time and requests of a crawl of 20 years over loopback.

The server needs 100 ms per answer; OpenAlex has every abstract. The crawl makes the pauses that the real hosts get. A
crawl with one request per paper is computed for comparison. Programs read the last two lines.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from dataset_builder.crawl.run import crawl
from dataset_builder.crawl.settings import BASE_URLS, SOURCES, Settings
from tests.crawl_server import serving

YEARS = range(2005, 2025)
PAPERS = 1144
DELAY = 0.1
# One page per paper, with a pause of one second after each.
ONE_BY_ONE = PAPERS * (DELAY + 1.0)


def main() -> None:
    """Run the crawl, and print its time next to the time with one request per paper."""
    with serving() as server, tempfile.TemporaryDirectory() as out:
        for position, year in enumerate(YEARS):
            count = PAPERS // len(YEARS) + (position < PAPERS % len(YEARS))
            server.add(f"isca{year}", count, start=100 * position)
        server.delay = DELAY
        # Two names of one server, because DBLP and OpenAlex are two hosts with their own pauses. Others are not asked.
        base_urls = dict.fromkeys(BASE_URLS, "http://127.0.0.1:9") | {
            "dblp": server.base_urls["dblp"],
            "openalex": server.base_urls["openalex"].replace("127.0.0.1", "localhost"),
        }
        begun = time.monotonic()
        report = crawl("isca", list(YEARS), Path(out), list(SOURCES), Settings(base_urls=base_urls))
        seconds = time.monotonic() - begun
        requests = len(server.requests)
    if report.found != PAPERS:
        raise SystemExit(f"found {report.found} of {PAPERS} papers")
    write = sys.stdout.write
    write(f"{PAPERS} papers of {len(YEARS)} years, {DELAY * 1000:.0f} ms per request\n")
    write(f"one request per paper with a pause of 1 s (computed): {ONE_BY_ONE:.1f} s\n")
    write(f"this crawl with its pauses: {seconds:.1f} s\n")
    write(f"requests: {requests}\n")
    write(f"ratio: {ONE_BY_ONE / seconds:.1f}\n")


if __name__ == "__main__":
    main()
