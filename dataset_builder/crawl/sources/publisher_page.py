"""The publisher's page: where ACM's and IEEE's layouts have the abstract."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from bs4 import BeautifulSoup

from dataset_builder.crawl.answer import Answer, ListedPaper
from dataset_builder.crawl.client import Client

# ACM's layouts of different years. Where a selector gives several elements they are paragraphs of one abstract.
ABSTRACT_AT = ("section#abstract div[role=paragraph]", "div.article__abstract", "div.abstractSection")
TITLE_IN = ("citation_title", "dc.title", "og:title")
# Descriptions for search engines and social media; often the beginning of the abstract only.
ABSTRACT_IN = ("citation_abstract", "dc.description", "og:description", "description")
IEEE_METADATA = re.compile(r"xplGlobal\.document\.metadata\s*=\s*")


def ask(client: Client, paper: ListedPaper) -> Answer:
    """Return what the publisher's page says of a paper; raises `FetchError`."""
    response = client.get("page", address(paper))
    declared = "charset" in response.headers.get("Content-Type", "").lower()
    return parse(response.content, response.encoding if declared else None)


def address(paper: ListedPaper) -> str:
    """Return the paper's path below the resolver of DOIs, or the URL of a paper that has no DOI."""
    return f"/{quote(paper.doi, safe='/()')}" if paper.doi else paper.paper_url


def parse(page: bytes | str, encoding: str | None = None) -> Answer:
    """Return the title and the abstract of a page, tags left in, by the layouts of ACM and IEEE.

    `encoding` is what the server declares; without it the page's own declaration and its bytes decide.
    """
    soup = BeautifulSoup(page, "lxml", from_encoding=encoding if isinstance(page, bytes) else None)
    metadata = _ieee_metadata(soup)
    if metadata.get("abstract"):
        return Answer(metadata.get("title"), metadata["abstract"])
    heading = soup.select_one("h1")
    title = _meta(soup, TITLE_IN) or (heading.get_text() if heading else None)
    for selector in ABSTRACT_AT:
        paragraphs = [element.decode_contents() for element in soup.select(selector)]
        if any(paragraph.strip() for paragraph in paragraphs):
            return Answer(title, "<br/>".join(paragraphs))
    description = _meta(soup, ABSTRACT_IN)
    if description and not re.search(r"[.!?][\"')\]\u201d]*\s*$", description):
        # Not at the end of a sentence: marked as the cleaning knows it.
        description += "..."
    return Answer(title, description)


def _meta(soup: BeautifulSoup, names: tuple[str, ...]) -> str | None:
    for name in names:
        for key in ("name", "property"):
            tag = soup.find("meta", attrs={key: re.compile(rf"^{re.escape(name)}$", re.IGNORECASE)})
            if tag and str(tag.get("content", "")).strip():
                return str(tag["content"])
    return None


def _ieee_metadata(soup: BeautifulSoup) -> dict[str, Any]:
    for script in soup.find_all("script"):
        if start := IEEE_METADATA.search(script.string or ""):
            try:
                value, _ = json.JSONDecoder().raw_decode(script.string[start.end() :])
            except json.JSONDecodeError:
                continue
            return value if isinstance(value, dict) else {}
    return {}
