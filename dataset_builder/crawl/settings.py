"""What a crawl can be told: where the sources lie, how long to pause, how long to wait, what to refuse."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

# In the order in which they are asked: those that answer for fifty papers or more at once first, a browser last.
SOURCES = ("openalex", "semantic_scholar", "crossref", "page", "browser")

# "page" and "browser" begin at the resolver of DOIs, which sends them on to the publisher.
BASE_URLS = {
    "dblp": "https://dblp.org",
    "openalex": "https://api.openalex.org",
    "semantic_scholar": "https://api.semanticscholar.org",
    "crossref": "https://api.crossref.org",
    "page": "https://doi.org",
    "browser": "https://doi.org",
}

# Seconds between the end of a request to a host and the next to it. DBLP asks for one or two
# (https://dblp.org/faq/1474706.html), Semantic Scholar for one (https://www.semanticscholar.org/product/api),
# publishers shut out what is faster than a reader.
PAUSES = {"dblp": 1.5, "openalex": 0.2, "semantic_scholar": 1.1, "crossref": 0.5, "page": 3.0, "browser": 7.0}


@dataclass(frozen=True)
class Credentials:
    """Keys and the contact that the sources ask for. They go onto the wire and nowhere else."""

    openalex_api_key: str = field(default="", repr=False)
    s2_api_key: str = field(default="", repr=False)
    crossref_mailto: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Credentials:
        """Return what OPENALEX_API_KEY, S2_API_KEY and CROSSREF_MAILTO hold; what is not set is empty."""
        return cls(
            *(environment.get(name, "").strip() for name in ("OPENALEX_API_KEY", "S2_API_KEY", "CROSSREF_MAILTO"))
        )


@dataclass(frozen=True)
class Settings:
    """How a crawl behaves towards the hosts. Times are in seconds, sizes in bytes."""

    base_urls: Mapping[str, str] = field(default_factory=lambda: BASE_URLS)
    pauses: Mapping[str, float] = field(default_factory=lambda: PAUSES)
    # For the connection and for each wait on it; the whole of an answer may take four times as long.
    timeout: float = 30.0
    # A failed request is asked again twice, after this many seconds and twice as many.
    backoff: float = 5.0
    retries: int = 2
    # A host that asks for a longer pause (Retry-After) is not asked again in this crawl.
    longest_retry_after: float = 300.0
    largest_answer: int = 20_000_000
    # After so many failures in a row a publisher or a source is left alone for the rest of the crawl.
    failures_in_a_row: int = 5
    # How long a page in the browser has to show an abstract once it is loaded.
    browser_wait: float = 20.0

    def url(self, source: str, path: str) -> str:
        """Return the URL of `path` below a source's base; a path that is a URL (a paper without DOI) stands alone."""
        return path if not path.startswith("/") else self.base_urls[source].rstrip("/") + path
