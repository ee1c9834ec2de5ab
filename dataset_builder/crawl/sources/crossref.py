"""Read abstracts from Crossref, where few publishers deposit them, as JATS XML."""

from pydantic import AliasPath, BaseModel, Field

from dataset_builder.crawl.client import Client, Tolerant
from dataset_builder.crawl.outcomes import Answer

# Filters on the same field are alternatives (https://www.crossref.org/documentation/retrieve-metadata/rest-api/).
# With fifty, the URL stays within the length that servers accept.
BATCH_SIZE = 50


class _Work(BaseModel):
    doi: str = Field(alias="DOI")
    title: list[str] | None = None
    abstract: str | None = None


class _Works(BaseModel):
    items: list[Tolerant[_Work]] = Field(validation_alias=AliasPath("message", "items"))


def fetch_answers(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, for at most `BATCH_SIZE` DOIs; raises `FetchError`."""
    dois_filter = ",".join(f"doi:{doi}" for doi in dois)
    params = {"filter": dois_filter, "rows": str(BATCH_SIZE), "select": "DOI,title,abstract"}
    works = client.get_json("crossref", "/works", _Works, params).items
    return {work.doi.lower(): Answer(next(iter(work.title or []), None), work.abstract) for work in works if work}
