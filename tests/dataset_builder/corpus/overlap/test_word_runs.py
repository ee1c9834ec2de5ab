"""The runs of words of many texts, numbered together."""

from __future__ import annotations

from collections import Counter
from random import Random

from dataset_builder.corpus.overlap.word_runs import WordRuns
from dataset_builder.text import ngrams, words


def test_runs_of_two_words_by_hand() -> None:
    """The first text has "a b" twice, the second one once; the last two texts have one run of one word each."""
    texts = ["A b, a B", "b a b", "b", "c"]
    runs = WordRuns(texts, 2)
    shared = (runs.counts(texts) @ runs.counts(texts).T).toarray()
    # The first text: "a b" twice and "b a" once; the second one: each once.
    assert shared.tolist() == [[5, 3, 0, 0], [3, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert [runs.is_short(text) for text in texts] == [False, False, True, True]


def test_runs_are_those_of_ngrams() -> None:
    """On random texts of 0 to 20 words, two of which share a run exactly where they share an n-gram."""
    random = Random(3)
    texts = [" ".join(random.choices("ab", k=random.randint(0, 20))) for _ in range(60)]
    runs = WordRuns(texts, 8)
    counts = runs.counts(texts)

    def counted(text: str) -> Counter[tuple[str, ...]]:
        return Counter(ngrams(text)) or Counter([tuple(words(text))])

    expected = [[sum((counted(one) & counted(other)).values()) for other in texts] for one in texts]
    dense = [counts.toarray()[row] for row in range(len(texts))]
    assert [[int(one.clip(max=other).sum()) for other in dense] for one in dense] == expected


def test_no_texts() -> None:
    """Nothing to number."""
    assert WordRuns([], 8).counts([]).shape == (0, 0)
