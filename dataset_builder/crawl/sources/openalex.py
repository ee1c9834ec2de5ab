"""Read abstracts from OpenAlex, which answers for a hundred papers per request with an index of each one's words."""

from __future__ import annotations

from pydantic import BaseModel

from dataset_builder.crawl.answer import Answer
from dataset_builder.crawl.client import Client

# From https://developers.openalex.org: at most 100 values in a filter and 100 results in a page.
BATCH_SIZE = 100


class _Work(BaseModel):
    doi: str | None
    display_name: str | None
    # The positions of each word in the abstract.
    abstract_inverted_index: dict[str, list[int]] | None


class _Works(BaseModel):
    results: list[_Work]


def fetch_answers(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, for at most `BATCH_SIZE` DOIs; raises `FetchError`."""
    params = {
        "filter": "doi:" + "|".join(dois),
        "per-page": str(BATCH_SIZE),
        "select": "doi,display_name,abstract_inverted_index",
    }
    works = client.get_json("openalex", "/works", params, _Works).results
    return {
        work.doi.lower().removeprefix("https://doi.org/"): Answer(
            work.display_name, _restore_text(work.abstract_inverted_index)
        )
        for work in works
        if work.doi
    }


def _restore_text(index: dict[str, list[int]] | None) -> str | None:
    if not index:
        return None
    words = {position: word for word, positions in index.items() for position in positions}
    return " ".join(words[position] for position in sorted(words))
