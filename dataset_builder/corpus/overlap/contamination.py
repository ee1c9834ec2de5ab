"""Count how far the test texts of a corpus repeat its training texts."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from dataset_builder.corpus.overlap.near_duplicates import RUN_LENGTH, PaperQuote, count_near_duplicates
from dataset_builder.corpus.overlap.word_runs import WordRuns
from dataset_builder.corpus.rows import CorpusRow
from dataset_builder.formats import FileFormat
from dataset_builder.text import NGRAM_LENGTH


class Contamination(FileFormat):
    """How far the distinct test texts repeat the training texts, by shared runs of eight words (n-grams).

    `texts` is the number of distinct test texts, `texts_with_shared_ngrams` the number of them that share at least
    one n-gram with the training texts, and `shared_ngram_share` the share (0 to 1) of all their n-grams that the
    training texts have.
    """

    texts: int
    texts_with_shared_ngrams: int
    shared_ngram_share: float


class NearDuplicates(FileFormat):
    """How many of the test texts have a near-duplicate in the training split, on another paper."""

    texts: int
    near_duplicates: int


class ConfigContamination(FileFormat):
    """The contamination of one config's test split by its training split.

    `near_duplicate_contexts` counts papers, and `near_duplicate_questions` pairs. They are None in a report of an
    older version.
    """

    contexts: Contamination
    answers: Contamination
    near_duplicate_contexts: NearDuplicates | None = None
    near_duplicate_questions: NearDuplicates | None = None


@dataclass(frozen=True)
class RowRuns:
    """The runs of words of a corpus, numbered once for all configs.

    `contexts` and `answers` have their n-grams, `short_runs` the two-word runs of contexts and questions.
    """

    contexts: WordRuns
    answers: WordRuns
    short_runs: WordRuns

    @classmethod
    def of(cls, rows: Collection[CorpusRow]) -> Self:
        """Return the runs of all texts of `rows`."""
        contexts = dict.fromkeys(row.context or "" for row in rows)
        return cls(
            contexts=WordRuns(contexts, NGRAM_LENGTH),
            answers=WordRuns((row.answer for row in rows), NGRAM_LENGTH),
            short_runs=WordRuns([*contexts, *(row.question for row in rows)], RUN_LENGTH),
        )


def count_config_contamination(
    test: Collection[CorpusRow], train: Collection[CorpusRow], runs: RowRuns
) -> ConfigContamination:
    """Count the contamination of a config's test rows by its training rows."""
    test_contexts, train_contexts = (
        {PaperQuote(row.paper_id, row.context or "") for row in rows} for rows in (test, train)
    )
    test_questions, train_questions = (
        [PaperQuote(row.paper_id, row.question) for row in rows] for rows in (test, train)
    )
    return ConfigContamination(
        contexts=count_contamination(
            {quote.text for quote in test_contexts}, {quote.text for quote in train_contexts}, runs.contexts
        ),
        answers=count_contamination({row.answer for row in test}, {row.answer for row in train}, runs.answers),
        near_duplicate_contexts=NearDuplicates(
            texts=len(test_contexts),
            near_duplicates=count_near_duplicates(test_contexts, train_contexts, runs.short_runs),
        ),
        near_duplicate_questions=NearDuplicates(
            texts=len(test_questions),
            near_duplicates=count_near_duplicates(test_questions, train_questions, runs.short_runs),
        ),
    )


def count_contamination(
    test_texts: Iterable[str], train_texts: Iterable[str], runs: WordRuns | None = None
) -> Contamination:
    """Count the n-grams that the distinct `test_texts` share with `train_texts`.

    `runs` has the n-grams of all texts, if they are numbered already.
    """
    test, train = set(test_texts), set(train_texts)
    runs = runs or WordRuns(test | train, NGRAM_LENGTH)
    # A text with fewer words than an n-gram has none.
    long_test, long_train = ([text for text in texts if not runs.is_short(text)] for texts in (test, train))
    counts = runs.counts(long_test)
    in_train = runs.counts(long_train).sum(axis=0) > 0
    shared = counts @ in_train.astype(np.int64)
    total = int(counts.sum())
    return Contamination(
        texts=len(test),
        texts_with_shared_ngrams=int((shared > 0).sum()),
        shared_ngram_share=round(int(shared.sum()) / total, 6) if total else 0.0,
    )
