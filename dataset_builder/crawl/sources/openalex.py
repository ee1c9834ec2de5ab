"""Read abstracts from OpenAlex, which sends an index of the words of each abstract."""

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

    def abstract(self) -> str:
        index = self.abstract_inverted_index or {}
        words = sorted((position, word) for word, positions in index.items() for position in positions)
        text = " ".join(word for _, word in words)
        # If a position is missing or taken twice, `clean_abstract` refuses the text as cut off.
        return text if [position for position, _ in words] == list(range(len(words))) else f"{text}..."


class _Works(BaseModel):
    results: list[Tolerant[_Work]]


def fetch_answers(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, for at most `BATCH_SIZE` DOIs; raises `FetchError`."""
    params = {
        "filter": "doi:" + "|".join(dois),
        "per-page": str(BATCH_SIZE),
        "select": "doi,display_name,abstract_inverted_index",
    }
    works = client.get_json("openalex", "/works", _Works, params).results
    return {
        work.doi.lower().removeprefix("https://doi.org/"): Answer(work.display_name, work.abstract())
        for work in works
        if work and work.doi
    }
