"""Read abstracts from the pages of publishers, in the layouts of ACM and IEEE."""

import json
import re
from urllib.parse import quote

from bs4 import BeautifulSoup
from pydantic import BaseModel

from dataset_builder.corpus.papers import Paper
from dataset_builder.crawl.client import Client
from dataset_builder.crawl.outcomes import Answer

# ACM's layouts in the course of the years. If a selector finds several elements, they are paragraphs of one abstract.
ABSTRACT_SELECTORS = ("section#abstract div[role=paragraph]", "div.article__abstract", "div.abstractSection")
TITLE_KEYS = ("citation_title", "dc.title", "og:title")
# Descriptions for search engines and social media; some have only the beginning of the abstract.
ABSTRACT_KEYS = ("citation_abstract", "dc.description", "og:description", "description")
# IEEE's pages hold their metadata as JSON in a script.
IEEE_METADATA = re.compile(r"xplGlobal\.document\.metadata\s*=\s*")


class _IEEEMetadata(BaseModel):
    title: str | None = None
    abstract: str | None = None


def fetch_answer(client: Client, paper: Paper) -> Answer:
    """Return title and abstract from the publisher's page of a paper; raises `FetchError`."""
    response = client.get("page", page_address(paper))
    declared = "charset" in response.headers.get("Content-Type", "").lower()
    return parse_page(response.content, response.encoding if declared else None)


def page_address(paper: Paper) -> str:
    """Return the paper's path below the DOI resolver, or the URL of a paper without a DOI."""
    return f"/{quote(paper.doi, safe='/()')}" if paper.doi else paper.paper_url


def parse_page(page: bytes | str, encoding: str | None = None) -> Answer:
    """Return the title and the abstract of a page, with their tags.

    `encoding` is the server's declaration; without it, the page's own declaration and its bytes decide.
    """
    soup = BeautifulSoup(page, "lxml", from_encoding=encoding if isinstance(page, bytes) else None)
    metadata = _ieee_metadata(soup)
    if metadata.abstract:
        return Answer(metadata.title, metadata.abstract)
    heading = soup.select_one("h1")
    title = _meta(soup, TITLE_KEYS) or (heading.get_text() if heading else None)
    for selector in ABSTRACT_SELECTORS:
        elements = soup.select(selector)
        # A paragraph within a paragraph is a part of its text already.
        known = set(map(id, elements))
        outer = [element for element in elements if not any(id(parent) in known for parent in element.parents)]
        paragraphs = [element.decode_contents() for element in outer]
        if any(paragraph.strip() for paragraph in paragraphs):
            return Answer(title, "<br/>".join(paragraphs))
    return Answer(title, _meta(soup, ABSTRACT_KEYS))


def _meta(soup: BeautifulSoup, names: tuple[str, ...]) -> str | None:
    for name in names:
        for key in ("name", "property"):
            tag = soup.find("meta", attrs={key: re.compile(rf"^{re.escape(name)}$", re.IGNORECASE)})
            if tag and str(tag.get("content", "")).strip():
                return str(tag["content"])
    return None


def _ieee_metadata(soup: BeautifulSoup) -> _IEEEMetadata:
    for script in soup.find_all("script"):
        text = script.string or ""
        if start := IEEE_METADATA.search(text):
            try:
                value, _ = json.JSONDecoder().raw_decode(text[start.end() :])
                return _IEEEMetadata.model_validate(value)
            except (ValueError, RecursionError):
                continue
    return _IEEEMetadata()
