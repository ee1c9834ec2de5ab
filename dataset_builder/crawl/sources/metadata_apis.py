"""Read abstracts from the APIs that answer for many papers at once: OpenAlex, Semantic Scholar and Crossref."""

from pydantic import AliasPath, BaseModel, Field

from dataset_builder.crawl.client import Client
from dataset_builder.crawl.outcomes import Answer, FetchError

# The most DOIs in one request. OpenAlex takes at most 100 values in a filter (https://developers.openalex.org) and
# Semantic Scholar at most 500 ids in a batch (https://api.semanticscholar.org/api-docs/graph). Crossref's limit is the
# length of the URL that servers accept.
BATCH_SIZES = {"openalex": 100, "semantic_scholar": 500, "crossref": 50}


def fetch_answers(client: Client, source: str, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, for at most `BATCH_SIZES[source]` DOIs; raises `FetchError`."""
    fetchers = {"openalex": _ask_openalex, "semantic_scholar": _ask_semantic_scholar, "crossref": _ask_crossref}
    return fetchers[source](client, dois)


class _OpenAlexWork(BaseModel):
    doi: str | None
    display_name: str | None
    # The positions of each word in the abstract.
    abstract_inverted_index: dict[str, list[int]] | None

    def abstract(self) -> str:
        index = self.abstract_inverted_index or {}
        words = {position: word for word, positions in index.items() for position in positions}
        return " ".join(words[position] for position in sorted(words))


class _OpenAlexWorks(BaseModel):
    results: list[_OpenAlexWork]


def _ask_openalex(client: Client, dois: list[str]) -> dict[str, Answer]:
    params = {
        "filter": "doi:" + "|".join(dois),
        "per-page": str(BATCH_SIZES["openalex"]),
        "select": "doi,display_name,abstract_inverted_index",
    }
    works = client.get_json("openalex", "/works", _OpenAlexWorks, params).results
    return {
        work.doi.lower().removeprefix("https://doi.org/"): Answer(work.display_name, work.abstract())
        for work in works
        if work.doi
    }


class _SemanticScholarWork(BaseModel):
    title: str | None
    abstract: str | None


def _ask_semantic_scholar(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Ask for abstracts, which Semantic Scholar withholds for some publishers."""
    fields, body = {"fields": "title,abstract"}, {"ids": [f"DOI:{doi}" for doi in dois]}
    path = "/graph/v1/paper/batch"
    # The answer has the order of the ids, with null for an unknown paper.
    works = client.get_json("semantic_scholar", path, list[_SemanticScholarWork | None], fields, body)
    if len(works) != len(dois):
        raise FetchError("the answer is not of the documented shape")
    return {doi: Answer(work.title, work.abstract) for doi, work in zip(dois, works, strict=True) if work is not None}


class _CrossrefWork(BaseModel):
    doi: str = Field(alias="DOI")
    title: list[str] | None = None
    abstract: str | None = None


class _CrossrefWorks(BaseModel):
    items: list[_CrossrefWork] = Field(validation_alias=AliasPath("message", "items"))


def _ask_crossref(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Ask for abstracts, which few publishers deposit at Crossref, as JATS XML."""
    # Filters on the same field are alternatives: https://www.crossref.org/documentation/retrieve-metadata/rest-api/.
    dois_filter = ",".join(f"doi:{doi}" for doi in dois)
    params = {"filter": dois_filter, "rows": str(BATCH_SIZES["crossref"]), "select": "DOI,title,abstract"}
    works = client.get_json("crossref", "/works", _CrossrefWorks, params).items
    return {work.doi.lower(): Answer(next(iter(work.title or []), None), work.abstract) for work in works}
