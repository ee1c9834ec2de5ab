"""List the papers of a venue and year from DBLP, without the entries that are not papers."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated
from urllib.parse import quote

from bs4 import BeautifulSoup
from pydantic import AfterValidator, AliasPath, BaseModel, Field

from dataset_builder.corpus.papers import Paper, parse_doi
from dataset_builder.crawl.cleanup import clean_title
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.outcomes import FetchError
from dataset_builder.errors import InputError
from dataset_builder.formats import FileFormat
from dataset_builder.text import without_surrogates

# The most entries in one answer of the search API, https://dblp.org/faq/13501473.html.
PAGE_SIZE = 1000
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


# JSON can hold half of a surrogate pair, which no file can.
_UTF8 = Annotated[str, AfterValidator(without_surrogates)]


class LeftOut(FileFormat):
    """An entry of DBLP that is not a paper."""

    year: int
    title: str
    reason: str


class Listing(FileFormat):
    """Papers in DBLP's order, still without abstracts, and the entries left out: one year in a file, or all years."""

    papers: list[Paper]
    left_out: list[LeftOut]


class _Entry(BaseModel):
    """An entry of a table of contents. `ee` has the URLs of the publication, and `url` is DBLP's page about it.

    `section` is the heading above the entry, which the search API does not send.
    """

    ee: _UTF8 | list[_UTF8] = []
    doi: _UTF8 | None = None
    title: _UTF8
    type: str
    url: _UTF8
    section: str = ""


class _Hit(BaseModel):
    info: _Entry


class _SearchAnswer(BaseModel):
    total: int = Field(validation_alias=AliasPath("result", "hits", "@total"))
    hits: list[_Hit] = Field([], validation_alias=AliasPath("result", "hits", "hit"))


def find_volumes(client: Client, venue: str, names: Sequence[str]) -> dict[int, list[str]]:
    """Return the names of a venue's tables of contents by year, which start with one of `names`.

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
    name = "|".join(map(re.escape, names))
    number = "(?P<year>[0-9]{4}|[0-9]{2})(?:-(?P<volume>[0-9]{1,9}))?"
    link = re.compile(rf"(?:^|/)(?P<name>(?:{name}){number})\.html$", re.IGNORECASE)
    found: dict[int, set[tuple[int, str]]] = {}
    for anchor in page.find_all("a", href=True):
        if match := link.search(str(anchor["href"])):
            # The years before 2000 have two digits.
            year = int(match["year"]) + (1900 if len(match["year"]) == 2 else 0)
            found.setdefault(year, set()).add((int(match["volume"] or 0), match["name"]))
    if not found:
        raise FetchError(f"no table of contents named {' or '.join(names)} on it")
    return {year: [name for _, name in sorted(volumes)] for year, volumes in found.items()}


def list_year(client: Client, venue: str, year: int, volumes: list[str]) -> Listing:
    """Return the papers of a year, volume by volume, with the venue in lower case; raises `FetchError`.

    The entries of a volume come from the search API, or from its HTML page if the API fails or sends fewer entries.
    The page also has the section of each entry. If several papers share a URL, the first two keep it: one of them can
    have the DOI as its paper_id and the other one the URL. Later papers get the URL of DBLP's record.
    """
    name = venue.lower()
    papers: list[Paper] = []
    left_out = []
    papers_at: Counter[str] = Counter()
    ids: set[str] = set()
    known: set[tuple[str, str]] = set()
    for volume in volumes:
        on_page = _read_page(client, venue, volume)
        sections = {entry.url: entry.section for entry in on_page}
        try:
            entries = _read_search(client, venue, volume)
        except FetchError:
            entries = []
        for entry in max(_unique(entries), _unique(on_page), key=len):
            title = clean_title(entry.title)
            reason = "front matter" if entry.type == "Editorship" else reason_left_out(title)
            if KEYNOTE_SECTION.search(sections.get(entry.url, "")):
                reason = reason or "keynote"
            urls = [entry.ee] if isinstance(entry.ee, str) else entry.ee
            url = next(filter(None, map(str.strip, [*urls, entry.url])), None)
            if reason or url is None:
                left_out.append(LeftOut(year=year, title=title, reason=reason or "no address"))
                continue
            doi = parse_doi(entry.doi or url)
            # DBLP can have two records of one paper.
            if doi and (doi, title) in known:
                continue
            if papers_at[url] >= (2 if doi else 1) or url in ids:
                url = entry.url
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


def _unique(entries: Iterable[_Entry]) -> list[_Entry]:
    """Return each entry once, since DBLP may send it twice."""
    return list({(entry.url, entry.title): entry for entry in entries}.values())


def _read_search(client: Client, venue: str, volume: str) -> list[_Entry]:
    entries: list[_Entry] = []
    while True:
        query = f"toc:db/conf/{venue}/{volume}.bht:"
        params = {"q": query, "h": str(PAGE_SIZE), "f": str(len(entries)), "format": "json"}
        answer = client.get_json("dblp", "/search/publ/api", _SearchAnswer, params)
        entries += [hit.info for hit in answer.hits]
        if len(entries) >= answer.total:
            return entries
        if not answer.hits:
            raise FetchError("the list of papers is incomplete")


def _get_page(client: Client, path: str) -> BeautifulSoup:
    """Return a page of DBLP, which is in UTF-8; bytes that are not become U+FFFD, and never half a character."""
    return BeautifulSoup(client.get("dblp", path).content.decode("utf-8", "replace"), "lxml")


def _read_page(client: Client, venue: str, volume: str) -> list[_Entry]:
    page = _get_page(client, f"/db/conf/{venue}/{volume}.html")
    entries = []
    section = ""
    # In the order of the page: a heading is above its entries.
    for item in page.select("h2, h3, li.entry"):
        if item.name != "li":
            section = item.get_text(" ", strip=True)
        elif (title := item.select_one("span.title")) is not None:
            link = item.select_one("nav.publ li.ee a[href]") or item.select_one("nav.publ div.head a[href]")
            record_url = f"https://dblp.org/rec/{quote(str(item.get('id', '')))}"
            kind = "Editorship" if "editor" in item["class"] else ""
            urls = [str(link["href"])] if link else []
            entries.append(_Entry(ee=urls, title=title.decode_contents(), type=kind, url=record_url, section=section))
    if not entries:
        raise FetchError("the table of contents cannot be read")
    return entries
