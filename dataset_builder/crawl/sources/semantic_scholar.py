"""Read abstracts from Semantic Scholar, which withholds them for some publishers."""

from pydantic import BaseModel

from dataset_builder.crawl.client import Client, Tolerant
from dataset_builder.crawl.outcomes import Answer, FetchError

# From https://api.semanticscholar.org/api-docs/graph: at most 500 ids in a batch.
BATCH_SIZE = 500
# In the answer, of status 400, if no id of a batch is known.
NONE_KNOWN = '"No valid paper ids given"'


class _Work(BaseModel):
    title: str | None
    abstract: str | None


def fetch_answers(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, for at most `BATCH_SIZE` DOIs; raises `FetchError`."""
    fields, body = {"fields": "title,abstract"}, {"ids": [f"DOI:{doi}" for doi in dois]}
    # The answer has the order of the ids, with null for an unknown paper.
    try:
        works = client.get_json("semantic_scholar", "/graph/v1/paper/batch", list[Tolerant[_Work]], fields, body)
    except FetchError as error:
        if error.status == 400 and NONE_KNOWN in error.body:
            return {}
        raise
    if len(works) != len(dois):
        raise FetchError("the answer is not of the documented shape")
    return {doi: Answer(work.title, work.abstract) for doi, work in zip(dois, works, strict=True) if work is not None}
