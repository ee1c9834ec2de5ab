"""Test which sentences of an abstract an answer cites, and what it lacks support for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from eval.asking.evidence import CitedSentence, cite_sentences, collect_evidence, unsupported_parts
from tests.eval.questions import corpus_question

ABSTRACT = " Caches are small.\nBuses are  slow. Cores are many. "


class WordEncoder:
    """Embeds a text by its first word: a unit vector for each word that it knows."""

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return the embeddings; "Both" is between caches and buses, and nearer to caches."""
        vectors = {"Caches": [1, 0, 0], "Buses": [0, 1, 0], "Cores": [0, 0, 1], "Both": [0.8, 0.6, 0]}
        return np.array([vectors[text.split()[0]] for text in texts], dtype=float)

    def encode(self, texts: Iterable[str]) -> None:
        """Do nothing: there is nothing to cache."""


ENCODER: Any = WordEncoder()


def test_nearest_sentence_is_cited_with_its_place() -> None:
    """The offsets are those of the text as given, with its line breaks and spaces."""
    (cited,) = cite_sentences("Buses", ABSTRACT, ENCODER)
    assert cited == CitedSentence(start=19, end=35, text="Buses are  slow.", score=1.0)
    assert ABSTRACT[cited.start : cited.end] == cited.text


def test_each_sentence_of_an_answer_cites_one() -> None:
    """In the order of the abstract, each sentence once, with its highest similarity."""
    cited = cite_sentences("Cores win. Both lose. Caches lose.", ABSTRACT, ENCODER)
    assert [(one.text, one.score) for one in cited] == [("Caches are small.", 1.0), ("Cores are many.", 1.0)]
    (nearest,) = cite_sentences("Both lose.", ABSTRACT, ENCODER)
    assert (nearest.text, nearest.score) == ("Caches are small.", 0.8)


def test_empty_answer_cites_nothing() -> None:
    """There is nothing to support."""
    assert cite_sentences(" ", ABSTRACT, ENCODER) == []


def test_evidence_of_all_answers() -> None:
    """By config and system, in the order of the questions."""
    questions = [corpus_question(context="Buses are slow. Cores win."), corpus_question(context="Caches lose.")]
    evidence = collect_evidence({"plain": questions}, {"plain": {"m": ["Cores win by 7.", "Both lose."]}}, ENCODER)
    (first, second) = evidence["plain"]["m"]
    assert ([one.text for one in first.cited], first.unsupported) == (["Cores win."], ["7"])
    assert ([one.text for one in second.cited], second.unsupported) == (["Caches lose."], [])


def test_unsupported_numbers_and_names() -> None:
    """Numbers by value and names, each once; what the question mentions is supported."""
    answer = "FooBar is 1,000 times faster than DDR4, and FooBar has 64 cores with DDR5 in five racks."
    unsupported = unsupported_parts(answer, "It is 1000 times faster than DDR4.", "Why 64 cores?")
    assert unsupported == ["5", "FooBar", "DDR5"]
    assert unsupported_parts("It is faster.", "It is slow.", "Why?") == []
