"""Define the settings of a crawl: the sources and their URLs, pauses, time limits and credentials."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

# The sources of abstracts, in the order in which the crawler asks them: first the ones that answer for fifty or more
# papers at once, last a browser.
SOURCES = ("openalex", "semantic_scholar", "crossref", "page", "browser")

# "page" and "browser" start at the DOI resolver, which redirects to the publisher.
BASE_URLS = {
    "dblp": "https://dblp.org",
    "openalex": "https://api.openalex.org",
    "semantic_scholar": "https://api.semanticscholar.org",
    "crossref": "https://api.crossref.org",
    "page": "https://doi.org",
    "browser": "https://doi.org",
}

# Seconds between the end of a request to a host and the start of the next one. DBLP asks for one or two
# (https://dblp.org/faq/1474706.html), Semantic Scholar for one (https://www.semanticscholar.org/product/api).
# Publishers block clients that are faster than a human reader.
PAUSES = {"dblp": 1.5, "openalex": 0.2, "semantic_scholar": 1.1, "crossref": 0.5, "page": 3.0, "browser": 7.0}


def _from_environment(name: str) -> Any:
    return field(default_factory=lambda: os.environ.get(name, "").strip(), repr=False)


@dataclass(frozen=True)
class Settings:
    """How a crawl treats the hosts. Times are in seconds, sizes in bytes."""

    # The keys and the contact address that the sources ask for. Only requests hold them: no file, no log line.
    openalex_api_key: str = _from_environment("OPENALEX_API_KEY")
    s2_api_key: str = _from_environment("S2_API_KEY")
    crossref_mailto: str = _from_environment("CROSSREF_MAILTO")
    base_urls: Mapping[str, str] = field(default_factory=lambda: BASE_URLS)
    pauses: Mapping[str, float] = field(default_factory=lambda: PAUSES)
    # Limit for the connection and for each read; a complete answer may take four times as long.
    timeout: float = 30.0
    # A failed request is sent again `retries` times, after `backoff` seconds, then twice as many, and so on.
    backoff: float = 5.0
    retries: int = 2
    # A host that asks for a longer pause (Retry-After) gets no further request in this crawl.
    longest_retry_after: float = 300.0
    largest_answer: int = 20_000_000
    # After this many failures in a row, a publisher or a source gets no further request in this crawl.
    failures_in_a_row: int = 5
    # How long a loaded page in the browser may take to show an abstract.
    browser_wait: float = 20.0

    def url(self, source: str, path: str) -> str:
        """Return the URL of `path` below the base URL of a source; a path that is a URL is returned unchanged."""
        return path if not path.startswith("/") else self.base_urls[source].rstrip("/") + path

    def pause(self, host: str) -> float:
        """Return the pause after a request to a host, in seconds; a publisher's host gets the pause of "page"."""
        sources = [
            name for name, base in self.base_urls.items() if urlsplit(base).netloc == host and name != "browser"
        ]
        return max((self.pauses[source] for source in sources), default=self.pauses["page"])
