"""Crossref: what publishers deposited with their DOIs; few abstracts, as JATS XML."""

from __future__ import annotations

from dataset_builder.crawl.answer import Answer
from dataset_builder.crawl.client import Client

# Filters on the same field are alternatives (https://www.crossref.org/documentation/retrieve-metadata/rest-api/);
# fifty keep the URL within what servers take.
BATCH = 50


def ask(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, at most one for each of at most 50; raises `FetchError`."""
    params = {
        "filter": ",".join(f"doi:{doi}" for doi in dois),
        "rows": str(BATCH),
        "select": "DOI,title,abstract",
    }
    works = client.get_json("crossref", "/works", params)["message"]["items"]
    return {
        work["DOI"].lower(): Answer(next(iter(work.get("title") or []), None), work.get("abstract")) for work in works
    }
