"""List the papers of a venue and year from DBLP, without the entries that are not papers."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from bs4 import BeautifulSoup

from dataset_builder.corpus.papers import Paper, parse_doi
from dataset_builder.crawl.cleanup import clean_title
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.outcomes import FetchError
from dataset_builder.errors import InputError
from dataset_builder.formats import FileFormat

NON_PAPERS = {
    reason: re.compile("|".join(patterns), re.IGNORECASE)
    for reason, patterns in {
        "no title": (r"^$",),
        "retraction": (r"^\W*retract(ed|ion)( (article|paper|notice|note))?\b\W*(:|\]|\)|$|of\b)", r"\(retracted\b"),
        "keynote": (r"^\W*(keynote|plenary|invited (talk|lecture))\b", r"\((keynote|invited talk)\b.*\)$"),
        "front matter": (
            r"^(a )?(message|welcome|greetings|letter)s? (from|by|of) .*\b(co-?)?(chair|editor|president|committee)",
            r"^(welcome( message)?|foreword|preface|editorial|sponsors?|copyright( page)?)"
            r"( to( the)? (\S+|.*(\d|conference|symposium|workshop|issue|proceedings).*))?$",
            r"^(front ?matter|title pages?( [ivx]+)?|table of contents|contents|(author |keyword )?index)$",
            r"^([\w ]{0,40} )?(organi[sz]ing|organi[sz]ation|program|steering|review) committees?( members)?$",
            r"^(committees?|organi[sz]ers|(list of )?((external|additional) )?reviewers)$",
            r"^(proceedings of|panel:)",
        ),
    }.items()
}
# The heading of a section of keynotes, in a table of contents; not one that announces papers as well.
KEYNOTE_SECTION = re.compile(
    r"^\W*((session|day) \w+\W+)?((opening|closing) )?(keynotes?|plenary|invited (talk|lecture|speaker)s?)\b"
    r"(?!.*(\b(and|papers?)\b|&))",
    re.IGNORECASE,
)


class LeftOut(FileFormat):
    """An entry of DBLP that is not a paper."""

    year: int
    title: str
    reason: str


class Listing(FileFormat):
    """Papers in DBLP's order, still without abstracts, and the entries left out: one year in a file, or all years."""

    papers: list[Paper]
    left_out: list[LeftOut]


@dataclass(frozen=True)
class _Entry:
    """An entry of a table of contents.

    `urls` are those of the publication, `record_url` is DBLP's page about it, and `section` the heading above it.
    """

    title: str
    urls: list[str]
    record_url: str
    section: str
    is_editorship: bool


def find_volumes(client: Client, venue: str) -> dict[int, list[str]]:
    """Return the names of a venue's tables of contents by year, which start with `venue`.

    The names come from the links of the venue's page: isca2024 or, if a year has several volumes, asplos2023-1.
    Raises `InputError` if DBLP does not know the venue, and `FetchError` if the page fails or has no such link.
    """
    try:
        page = _get_page(client, f"/db/conf/{venue}/index.html")
    except FetchError as error:
        if error.status == 404:
            raise InputError(
                f"--venue {venue}: DBLP does not know this venue; use its key, such as isca or IEEEpact"
            ) from error
        raise
    number = "(?P<year>[0-9]{4}|[0-9]{2})(?:-(?P<volume>[0-9]{1,9}))?"
    link = re.compile(rf"(?:^|/)(?P<name>{venue}{number})\.html$", re.IGNORECASE)
    found: dict[int, set[tuple[int, str]]] = {}
    for anchor in page.find_all("a", href=True):
        if match := link.search(str(anchor["href"])):
            # The years before 2000 have two digits.
            year = int(match["year"]) + (1900 if len(match["year"]) == 2 else 0)
            found.setdefault(year, set()).add((int(match["volume"] or 0), match["name"]))
    if not found:
        raise FetchError(f"no table of contents named {venue} on it")
    return {year: [name for _, name in sorted(volumes)] for year, volumes in found.items()}


def list_year(client: Client, venue: str, year: int, volumes: list[str]) -> Listing:
    """Return the papers of a year, volume by volume, with the venue in lower case; raises `FetchError`.

    If several papers share a URL, the first two keep it: one of them can have the DOI as its paper_id and the other
    one the URL. Later papers get the URL of DBLP's record.
    """
    name = venue.lower()
    papers: list[Paper] = []
    left_out = []
    papers_at: Counter[str] = Counter()
    ids: set[str] = set()
    known: set[tuple[str, str]] = set()
    for volume in volumes:
        for entry in _read_volume(client, venue, volume):
            title = clean_title(entry.title)
            reason = "front matter" if entry.is_editorship else reason_left_out(title)
            if KEYNOTE_SECTION.search(entry.section):
                reason = reason or "keynote"
            if reason:
                left_out.append(LeftOut(year=year, title=title, reason=reason))
                continue
            url = next(iter(entry.urls), entry.record_url)
            doi = next(filter(None, map(parse_doi, entry.urls)), None)
            # DBLP can have two records of one paper.
            if doi and (doi, title) in known:
                continue
            if papers_at[url] >= (2 if doi else 1) or url in ids:
                url = entry.record_url
            papers_at[url] += 1
            ids.add(doi or url)
            if doi:
                known.add((doi, title))
            papers.append(
                Paper(paper_id=doi or url, title=title, year=year, venue=name, paper_url=url, doi=doi, abstract=None)
            )
    return Listing(papers=papers, left_out=left_out)


def reason_left_out(title: str) -> str | None:
    """Return why an entry with this title is not a paper (a key of `NON_PAPERS`), or None for a paper."""
    return next((reason for reason, pattern in NON_PAPERS.items() if pattern.search(title)), None)


def deduplicate_ids(papers: Iterable[Paper]) -> list[Paper]:
    """Return the papers with unique paper_ids: a paper whose DOI an earlier paper has gets its URL instead."""
    unique: dict[str, Paper] = {}
    for paper in papers:
        if paper.paper_id in unique:
            paper = paper.model_copy(update={"paper_id": paper.paper_url})
        unique[paper.paper_id] = paper
    return list(unique.values())


def _get_page(client: Client, path: str) -> BeautifulSoup:
    """Return a page of DBLP, which is in UTF-8; bytes that are not become U+FFFD, and never half a character."""
    return BeautifulSoup(client.get("dblp", path).content.decode("utf-8", "replace"), "lxml")


def _read_volume(client: Client, venue: str, volume: str) -> list[_Entry]:
    page = _get_page(client, f"/db/conf/{venue}/{volume}.html")
    entries = []
    section = ""
    # In the order of the page: a heading is above its entries.
    for item in page.select("h2, h3, li.entry"):
        if item.name != "li":
            section = item.get_text(" ", strip=True)
        elif (title := item.select_one("span.title")) is not None:
            links = item.select("nav.publ li.ee a[href]") or item.select("nav.publ div.head a[href]")[:1]
            entries.append(
                _Entry(
                    title=title.decode_contents(),
                    urls=[url for link in links if (url := str(link["href"]).strip())],
                    record_url=f"https://dblp.org/rec/{quote(str(item.get('id', '')))}",
                    section=section,
                    is_editorship="editor" in item["class"],
                )
            )
    if not entries:
        raise FetchError("the table of contents cannot be read")
    return entries
