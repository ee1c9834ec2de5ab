"""Contamination: shared runs of eight words."""

from __future__ import annotations

from dataset_builder.corpus.contamination import Contamination, count_contamination


def test_shared_runs_are_counted_by_hand() -> None:
    """Ten words make three runs of eight; the training text holds the first nine, so two of the three."""
    train = "One two, three four five six seven eight NINE!"
    test = "one two three four five six seven eight nine ten"
    assert count_contamination([test], [train]) == Contamination(
        texts=1, texts_with_shared_ngrams=1, shared_ngram_share=round(2 / 3, 6)
    )


def test_repeated_and_short_texts() -> None:
    """A text given twice counts once; one of seven words has no run at all."""
    assert count_contamination(["a b c d e f g", "a b c d e f g"], ["a b c d e f g h"]) == Contamination(
        texts=1, texts_with_shared_ngrams=0, shared_ngram_share=0.0
    )
