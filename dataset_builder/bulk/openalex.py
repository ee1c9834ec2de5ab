"""Define a record of the works in a snapshot of OpenAlex: https://developers.openalex.org/download/snapshot-format."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import from_json

from dataset_builder.crawl.sources.openalex import abstract_of_index

# The types of works that report findings, of those that https://developers.openalex.org lists.
TYPES = ("article", "preprint", "review")


def _as_mapping(index: Any) -> Any:
    # A column of Parquet holds a mapping as a text of JSON, or as a list of keys and values.
    if isinstance(index, str):
        return from_json(index)
    is_pairs = isinstance(index, list) and all(isinstance(pair, tuple) for pair in index)
    return dict(index) if is_pairs else index


class _Subfield(BaseModel):
    id: str | int


class _Topic(BaseModel):
    subfield: _Subfield | None = None


class OpenAlexRecord(BaseModel):
    """A work; its subject is the number of a subfield, such as 1708 for hardware and architecture."""

    id: Annotated[str, Field(min_length=1)]
    doi: str | None = None
    display_name: str | None = None
    publication_year: int | None = None
    type: str | None = None
    language: str | None = None
    is_retracted: bool | None = None
    primary_topic: _Topic | None = None
    abstract_inverted_index: Annotated[dict[str, list[int]] | None, BeforeValidator(_as_mapping)] = None

    @property
    def subjects(self) -> set[str]:
        """The subfield of the main topic; the number at the end of its URL."""
        subfield = self.primary_topic.subfield if self.primary_topic else None
        return {str(subfield.id).rpartition("/")[2]} if subfield else set()

    @property
    def year(self) -> int | None:
        """The year of publication."""
        return self.publication_year

    @property
    def problem(self) -> str | None:
        """The reason why the work is not a paper in English, or None."""
        if self.is_retracted:
            return "retraction"
        if self.type not in TYPES:
            return f"of the type {self.type}"
        return None if self.language in (None, "en") else "not in English"

    @property
    def url(self) -> str:
        """The URL of the DOI, or OpenAlex's page."""
        return self.doi or self.id

    @property
    def title(self) -> str | None:
        """The title."""
        return self.display_name

    @property
    def abstract(self) -> str | None:
        """The abstract, put together from its index."""
        return abstract_of_index(self.abstract_inverted_index) if self.abstract_inverted_index else None
