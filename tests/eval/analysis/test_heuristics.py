"""Test the heuristic baselines and upper bounds, with the real encoder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.models.folders import find_encoder
from dataset_builder.text import sentences
from eval.analysis import heuristics
from eval.analysis.heuristics import compute_heuristics
from eval.metrics.embedding import Encoder
from tests.eval.questions import corpus_question

ABSTRACT = (
    "Caches of mobile processors waste energy, e.g. on dead lines. We propose to switch them off. "
    "On 12 programs energy falls by 31.5 percent."
)


def row(paper: str, question: str, answer: str, context: str = ABSTRACT, year: int = 2023) -> CorpusQuestion:
    """Return a row of the corpus."""
    return corpus_question(question, answer, context, paper, year)


CORPUS = {
    "plain": [
        row("a", "How much energy is saved?", "31.5 percent of the energy on twelve programs."),
        row("b", "What is built?", "A chip.", "We build a chip."),
        row("c", "What is sold?", "A car.", "We sell a car.", year=2022),
    ],
    "detailed": [
        row("a", "By how much does energy fall?", "It falls by 31.5 percent."),
        row("a", "What is proposed?", "To switch dead lines off."),
    ],
}


@pytest.fixture(scope="module")
def answers(encoder: Path) -> dict[str, dict[str, list[str | None]]]:
    """Return the answers of the heuristics by config and name."""
    return compute_heuristics(CORPUS, CORPUS, Encoder(find_encoder("--encoders", str(encoder))))


def test_heuristic_baselines(answers: dict[str, dict[str, list[str | None]]]) -> None:
    """Each by hand; there is no answer on another paper of 2022."""
    plain = answers["plain"]
    assert plain["question repeated"][0] == "How much energy is saved?"
    assert plain["first sentence"] == [sentences(ABSTRACT)[0], "We build a chip.", "We sell a car."]
    assert plain["nearest sentence to the question"][1] == "We build a chip."
    assert plain["other answer of the year"] == ["A chip.", CORPUS["plain"][0].answer, None]


def test_upper_bounds(answers: dict[str, dict[str, list[str | None]]]) -> None:
    """The sentence with the number; the other teacher's answer to the similar question on the same paper."""
    assert answers["plain"]["nearest sentence to the reference"][0] == sentences(ABSTRACT)[2]
    assert answers["plain"]["other teacher's answer"] == ["It falls by 31.5 percent.", None, None]
    assert answers["detailed"]["other teacher's answer"] == [CORPUS["plain"][0].answer] * 2


class LengthEncoder:
    """Embeds a text by its number of letters."""

    def encode(self, texts: Iterable[str]) -> None:
        """Do nothing: there is nothing to cache."""

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return the embeddings."""
        return np.array([[len(text), 1.0] for text in texts])


def test_other_answer_of_a_large_year_is_one_of_a_fixed_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 30 papers, five can be chosen; a paper among the five gets an answer on one of the other four."""
    monkeypatch.setattr(heuristics, "CANDIDATES", 5)
    questions = [row(str(number), "What?", f"Answer {number}.") for number in range(30)]
    chosen = compute_heuristics({"plain": questions}, {"plain": questions}, LengthEncoder())["plain"]
    given = chosen["other answer of the year"]
    assert 1 < len(set(given)) <= 5
    assert all(answer != question.answer for answer, question in zip(given, questions, strict=True))


def test_heuristics_without_any_answer_are_left_out(encoder: Path) -> None:
    """A corpus with one test config has no other teacher; with one paper there is no other answer of the year."""
    loaded = Encoder(find_encoder("--encoders", str(encoder)))
    for questions, missing in (
        (CORPUS["plain"], {"other teacher's answer"}),
        (CORPUS["plain"][:1], {"other teacher's answer", "other answer of the year"}),
    ):
        (found,) = compute_heuristics({"plain": questions}, {"plain": questions}, loaded).values()
        assert len(found) == 6 - len(missing)
        assert not missing & set(found)
