"""Floors and ceilings, with the real encoder where "nearest" is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.analysis.heuristics import compute_heuristics, sentences
from eval.metrics.embedding import Encoder
from eval.models import find_encoder

ABSTRACT = (
    "Caches of mobile processors waste energy, e.g. on dead lines. We propose to switch them off. "
    "On 12 programs energy falls by 31.5 percent."
)


def row(paper: str, question: str, answer: str, context: str = ABSTRACT, year: int = 2023) -> dict:
    """Return a row of the corpus."""
    return {"paper_id": paper, "question": question, "answer": answer, "context": context, "year": year}


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
def answers(encoder: Path) -> dict[str, dict[str, list]]:
    """Return the answers of the floors and ceilings by config and name."""
    found = compute_heuristics(CORPUS, CORPUS, Encoder(find_encoder("--encoder", str(encoder))))
    return {config: {of.name: of.answers for of in of_config} for config, of_config in found.items()}


def test_sentences_end_where_they_end() -> None:
    """Not at e.g., nor within a number; a text without an end is one sentence."""
    assert sentences(ABSTRACT) == [
        "Caches of mobile processors waste energy, e.g. on dead lines.",
        "We propose to switch them off.",
        "On 12 programs energy falls by 31.5 percent.",
    ]
    assert sentences("It runs on a GPU. We like it.") == ["It runs on a GPU.", "We like it."]
    assert sentences("No end") == ["No end"]
    assert sentences("Is it fast? Yes! See J. Doe et al. (2020).") == [
        "Is it fast?",
        "Yes!",
        "See J. Doe et al. (2020).",
    ]


def test_floors(answers: dict) -> None:
    """Each by hand; no other paper of 2022 has an answer to lend."""
    plain = answers["plain"]
    assert plain["question repeated"][0] == "How much energy is saved?"
    assert plain["first sentence"] == [sentences(ABSTRACT)[0], "We build a chip.", "We sell a car."]
    assert plain["nearest sentence to the question"][1] == "We build a chip."
    assert plain["other answer of the year"] == ["A chip.", CORPUS["plain"][0]["answer"], None]


def test_ceilings(answers: dict) -> None:
    """The sentence with the number; the other teacher's answer to the like question, where it wrote on the paper."""
    assert answers["plain"]["nearest sentence to the reference"][0] == sentences(ABSTRACT)[2]
    assert answers["plain"]["other teacher's answer"] == ["It falls by 31.5 percent.", None, None]
    assert answers["detailed"]["other teacher's answer"] == [CORPUS["plain"][0]["answer"]] * 2


def test_one_teacher_has_no_other(encoder: Path) -> None:
    """A corpus with one test config."""
    one = {"plain": CORPUS["plain"]}
    found = compute_heuristics(one, one, Encoder(find_encoder("--encoder", str(encoder))))
    assert "other teacher's answer" not in [of.name for of in found["plain"]]
