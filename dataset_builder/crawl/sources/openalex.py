"""OpenAlex: a hundred papers a request, each abstract as an index of where its words stand."""

from __future__ import annotations

from dataset_builder.crawl.answer import Answer
from dataset_builder.crawl.client import Client

# Of https://developers.openalex.org: 100 values in a filter, 100 results a page.
BATCH = 100


def ask(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, at most one for each of at most 100; raises `FetchError`."""
    params = {
        "filter": "doi:" + "|".join(dois),
        "per-page": str(BATCH),
        "select": "doi,display_name,abstract_inverted_index",
    }
    works = client.get_json("openalex", "/works", params)["results"]
    return {
        work["doi"].lower().removeprefix("https://doi.org/"): Answer(
            work["display_name"], _in_order(work["abstract_inverted_index"])
        )
        for work in works
        if work["doi"]
    }


def _in_order(places_of_words: dict[str, list[int]] | None) -> str | None:
    if not places_of_words:
        return None
    words = {place: word for word, places in places_of_words.items() for place in places}
    return " ".join(words[place] for place in sorted(words))
