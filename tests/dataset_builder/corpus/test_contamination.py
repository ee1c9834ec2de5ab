"""Overlap in runs of eight words."""

from __future__ import annotations

from dataset_builder.corpus.contamination import overlap


def test_shared_runs_are_counted_by_hand() -> None:
    """Ten words make three runs of eight; the training text holds the first nine, so two of the three."""
    train = "One two, three four five six seven eight NINE!"
    test = "one two three four five six seven eight nine ten"
    assert overlap([test], [train]) == {"texts": 1, "texts_sharing_a_run": 1, "share_of_runs": round(2 / 3, 6)}


def test_repeated_and_short_texts() -> None:
    """A text given twice counts once; one of seven words has no run at all."""
    assert overlap(["a b c d e f g", "a b c d e f g"], ["a b c d e f g h"]) == {
        "texts": 1,
        "texts_sharing_a_run": 0,
        "share_of_runs": 0.0,
    }
