"""How much of the test text stands in the training text: shared runs of words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

RUN_LENGTH = 8


def word_runs(text: str) -> Iterator[tuple[str, ...]]:
    """Yield each run of eight consecutive words of `text`, in lower case and without punctuation."""
    words = re.findall(r"\w+", text.lower())
    for start in range(len(words) - RUN_LENGTH + 1):
        yield tuple(words[start : start + RUN_LENGTH])


def overlap(test_texts: Iterable[str], train_texts: Iterable[str]) -> dict[str, int | float]:
    """Count how far the distinct `test_texts` repeat runs of eight words of `train_texts`.

    Returns the number of distinct texts, how many of them share at least one run, and the share (0 to 1) of all their
    runs that stands in the training text.
    """
    known = {run for text in set(train_texts) for run in word_runs(text)}
    shared_texts = shared_runs = runs = 0
    texts = set(test_texts)
    for text in texts:
        of_text = list(word_runs(text))
        shared = sum(run in known for run in of_text)
        runs += len(of_text)
        shared_runs += shared
        shared_texts += shared > 0
    return {
        "texts": len(texts),
        "texts_sharing_a_run": shared_texts,
        "share_of_runs": round(shared_runs / runs, 6) if runs else 0.0,
    }
