"""Read abstracts from OpenAlex, which sends an index of the words of each abstract."""

from collections.abc import Mapping

from pydantic import BaseModel

from dataset_builder.crawl.client import Client, Tolerant
from dataset_builder.crawl.outcomes import Answer

# From https://developers.openalex.org: at most 100 values in a filter and 100 results in a page.
BATCH_SIZE = 100


class _Work(BaseModel):
    doi: str | None
    display_name: str | None
    # The positions of each word in the abstract.
    abstract_inverted_index: dict[str, list[int]] | None


class _Works(BaseModel):
    results: list[Tolerant[_Work]]


def fetch_answers(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, for at most `BATCH_SIZE` DOIs; raises `FetchError`."""
    params = {
        "filter": "doi:" + "|".join(dois),
        "per_page": str(BATCH_SIZE),
        "select": "doi,display_name,abstract_inverted_index",
    }
    works = client.get_json("openalex", "/works", _Works, params).results
    return {
        work.doi.lower().removeprefix("https://doi.org/"): Answer(
            work.display_name, abstract_of_index(work.abstract_inverted_index or {})
        )
        for work in works
        if work and work.doi
    }


def abstract_of_index(index: Mapping[str, list[int]]) -> str:
    """Return the abstract of which `index` has the positions of each word."""
    words = sorted((position, word) for word, positions in index.items() for position in positions)
    text = " ".join(word for _, word in words)
    # If a position is missing or taken twice, `clean_abstract` refuses the text as cut off.
    return text if [position for position, _ in words] == list(range(len(words))) else f"{text}..."
