"""Build questions for tests."""

from __future__ import annotations

from dataset_builder.corpus.questions import CorpusQuestion


def corpus_question(
    question: str = "What?",
    answer: str = "one",
    context: str = "Caches are small.",
    paper_id: str = "a",
    year: int = 2022,
    title: str = "",
) -> CorpusQuestion:
    """Return a row of a corpus split."""
    return CorpusQuestion(
        instruction="Do it",
        context=context,
        question=question,
        answer=answer,
        paper_id=paper_id,
        year=year,
        title=title,
    )
