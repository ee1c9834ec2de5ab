"""Semantic Scholar: five hundred papers a request; it withholds the abstracts of some publishers."""

from __future__ import annotations

from dataset_builder.crawl.answer import Answer
from dataset_builder.crawl.client import Client

# Of https://api.semanticscholar.org/api-docs/graph: 500 ids in a batch.
BATCH = 500


def ask(client: Client, dois: list[str]) -> dict[str, Answer]:
    """Return the answers by DOI, at most one for each of at most 500; raises `FetchError`."""
    ids = [f"DOI:{doi}" for doi in dois]
    # The answers come in the order of the ids, with null for a paper that is not known.
    papers = client.post_json("semantic_scholar", "/graph/v1/paper/batch", {"fields": "title,abstract"}, {"ids": ids})
    return {
        doi: Answer(paper["title"], paper["abstract"])
        for doi, paper in zip(dois, papers, strict=True)
        if paper is not None
    }
