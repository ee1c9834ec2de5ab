"""The papers of a venue and year as DBLP lists them, and what of the list is no paper."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote

from bs4 import BeautifulSoup

from dataset_builder.crawl.answer import ListedPaper
from dataset_builder.crawl.cleaning import clean_title
from dataset_builder.crawl.client import Client, FetchError

# The most that the search API gives at once, https://dblp.org/faq/13501473.html.
PAGE = 1000
NO_PAPER = {
    reason: re.compile("|".join(patterns), re.IGNORECASE)
    for reason, patterns in {
        "retraction": (r"^\W*retract(ed|ion)( (article|paper|notice|note))?\b\W*(:|\]|\)|$|of\b)", r"\(retracted\b"),
        "keynote": (r"^\W*(keynote|plenary|invited (talk|lecture))\b", r"\((keynote|invited talk)\b.*\)$"),
        "front matter": (
            r"^(a )?(message|welcome|greetings|letter)s? (from|by|of) .*\b(co-?)?(chair|editor|president|committee)",
            r"^(welcome( message)?|foreword|preface|editorial|sponsors?|copyright( page)?)( to\b.*)?$",
            r"^(front ?matter|title pages?( [ivx]+)?|table of contents|contents|(author |keyword )?index)$",
            r"^([\w ]{0,40} )?(organi[sz]ing|organi[sz]ation|program|steering|review) committees?( members)?$",
            r"^(committees?|organi[sz]ers|(list of )?((external|additional) )?reviewers)$",
            r"^(proceedings of|panel:)",
        ),
    }.items()
}


@dataclass(frozen=True)
class Entry:
    """A line of a table of contents. `kind` is DBLP's, "editor" for proceedings, and `record_url` DBLP's own page."""

    title: str
    url: str | None
    doi: str | None
    record_url: str
    kind: str


@dataclass(frozen=True)
class Listing:
    """The papers of a year in DBLP's order, and the title and the reason of each entry left out."""

    papers: list[ListedPaper]
    left_out: list[dict[str, str]]

    def as_json(self) -> dict[str, Any]:
        """Return the listing as JSON holds it."""
        return {"papers": [asdict(paper) for paper in self.papers], "left_out": self.left_out}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Listing:
        """Return the listing that `as_json` gave."""
        return cls([ListedPaper(**paper) for paper in value["papers"]], value["left_out"])


def find_volumes(client: Client, venue: str) -> dict[int, list[str]] | None:
    """Return the names of a venue's tables of contents by year, as DBLP's page on the venue links them.

    Names are such as isca2024 and, where a year has several volumes, asplos2023-1. None when DBLP does not know the
    venue. Raises `FetchError` when the page cannot be read.
    """
    try:
        page = client.get("dblp", f"/db/conf/{venue}/index.html").content
    except FetchError as error:
        if str(error) == "HTTP 404":
            return None
        raise
    link = re.compile(rf"(?:^|/)(?P<name>{venue}(?P<year>\d{{4}}|\d\d)(?:-(?P<volume>\d+))?)\.html$")
    found: dict[int, set[tuple[int, str]]] = {}
    for anchor in BeautifulSoup(page, "lxml").find_all("a", href=True):
        if named := link.search(anchor["href"]):
            # The years before 2000 have two digits.
            year = int(named["year"]) + (1900 if len(named["year"]) == 2 else 0)
            found.setdefault(year, set()).add((int(named["volume"] or 0), named["name"]))
    return {year: [name for _, name in sorted(volumes)] for year, volumes in found.items()}


def list_year(client: Client, venue: str, year: int, volumes: list[str]) -> Listing:
    """Return the papers of a year, all volumes one after the other; raises `FetchError`.

    Each volume is asked of the search API, and of its HTML page when that gives nothing. A URL that several
    papers share is given to the first two: one may be known by the DOI, the other by the URL. Later ones get DBLP's.
    """
    papers: list[ListedPaper] = []
    left_out = []
    for volume in volumes:
        try:
            entries = _from_search(client, venue, volume)
        except (FetchError, KeyError, TypeError, ValueError, AttributeError):
            entries = []
        for entry in entries or _from_page(client, venue, volume):
            title = clean_title(entry.title)
            reason = why_no_paper(title, entry.kind)
            if reason:
                left_out.append({"title": title, "reason": reason})
            else:
                url = entry.url or entry.record_url
                if sum(paper.paper_url == url for paper in papers) >= (2 if entry.doi else 1):
                    url = entry.record_url
                papers.append(ListedPaper(entry.doi or url, title, year, venue, url, entry.doi))
    return Listing(papers, left_out)


def why_no_paper(title: str, kind: str) -> str | None:
    """Return why an entry is left out ("front matter", "keynote", "retraction"), or None for a paper."""
    if kind in ("editor", "Editorship"):
        return "front matter"
    return next((reason for reason, pattern in NO_PAPER.items() if pattern.search(title)), None)


def deduplicate_ids(listings: dict[int, Listing]) -> dict[int, Listing]:
    """Return the listings with each paper_id once: who shares a DOI with an earlier one goes by its URL."""
    taken: set[str] = set()
    apart = {}
    for year, listing in listings.items():
        papers = []
        for paper in listing.papers:
            known = replace(paper, paper_id=paper.paper_url) if paper.paper_id in taken else paper
            taken.add(known.paper_id)
            papers.append(known)
        apart[year] = replace(listing, papers=papers)
    return apart


def _from_search(client: Client, venue: str, volume: str) -> list[Entry]:
    entries: list[Entry] = []
    while True:
        params = {"q": f"toc:db/conf/{venue}/{volume}.bht:", "h": str(PAGE), "f": str(len(entries)), "format": "json"}
        hits = client.get_json("dblp", "/search/publ/api", params)["result"]["hits"]
        page = [_entry(hit["info"]) for hit in hits.get("hit", [])]
        entries += page
        if not page or len(entries) >= int(hits["@total"]):
            return entries


def _entry(info: dict[str, Any]) -> Entry:
    urls = info.get("ee") or []
    url = urls if isinstance(urls, str) else next(iter(urls), None)
    return Entry(info["title"], url, _doi(info.get("doi") or url), info["url"], info["type"])


def _from_page(client: Client, venue: str, volume: str) -> list[Entry]:
    """Return the entries of the table of contents as the HTML page shows them, in its order."""
    page = BeautifulSoup(client.get("dblp", f"/db/conf/{venue}/{volume}.html").content, "lxml")
    entries = []
    for item in page.select("li.entry"):
        title = item.select_one("span.title")
        if title is not None:
            link = item.select_one("nav.publ li.ee a[href]") or item.select_one("nav.publ div.head a[href]")
            url = str(link["href"]) if link else None
            kind = "editor" if "editor" in item["class"] else "inproceedings"
            record = f"https://dblp.org/rec/{quote(str(item.get('id', '')))}"
            entries.append(Entry(title.decode_contents(), url, _doi(url), record, kind))
    if not entries:
        raise FetchError("the table of contents cannot be read")
    return entries


def _doi(text: str | None) -> str | None:
    found = re.match(r"(?:https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)$", text or "", re.IGNORECASE)
    return found[1].lower() if found else None
