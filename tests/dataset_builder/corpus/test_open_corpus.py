"""The open corpus has the size, the lengths and the pairs that its README names."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import read_papers
from dataset_builder.generate.checks import find_problem, source_text
from dataset_builder.teachers.teacher import read_teacher
from tests.corpus_slice import CORPUS_SLICE, OPEN_CORPUS, PAPER_IDS

PAPERS = read_papers(OPEN_CORPUS / "papers")
PAIRS = {teacher: read_pairs(OPEN_CORPUS / "qa", teacher) for teacher in ("detailed", "plain")}


def _lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.open(encoding="utf-8")]


def test_papers() -> None:
    """806 papers of 20 years, each with a description of 80 to 130 words that was written for this corpus."""
    assert len(PAPERS) == 806
    assert {paper.year for paper in PAPERS} == set(range(2005, 2025))
    lengths = {paper.paper_id: len((paper.abstract or "").split()) for paper in PAPERS}
    assert {paper_id: length for paper_id, length in lengths.items() if not 80 <= length <= 130} == {}
    assert {line["abstract_source"] for line in _lines(OPEN_CORPUS / "papers")} == {"written for this corpus"}


@pytest.mark.parametrize(("teacher", "least", "most"), [("detailed", 15, 60), ("plain", 8, 40)])
def test_pairs(teacher: str, least: int, most: int) -> None:
    """Two to four pairs on each paper, `plain` on the test papers only; lengths in words, no question twice."""
    wanted = {paper.paper_id for paper in PAPERS if teacher == "detailed" or paper.year >= 2022}
    counts = Counter(pair.paper_id for pair in PAIRS[teacher])
    assert counts.keys() == wanted
    assert set(counts.values()) <= {2, 3, 4}
    assert [pair.answer for pair in PAIRS[teacher] if not least <= len(pair.answer.split()) <= most] == []
    questions = Counter(pair.question.lower() for pairs in PAIRS.values() for pair in pairs)
    assert [question for question, count in questions.items() if count > 1] == []


def test_slice_of_the_tests() -> None:
    """48 papers of all years with every pair that the open corpus has on them."""
    papers = read_papers(CORPUS_SLICE / "papers")
    assert papers == [paper for paper in PAPERS if paper.paper_id in PAPER_IDS]
    assert len(papers) == len(PAPER_IDS) == 48
    assert {paper.year for paper in papers} == set(range(2005, 2025))
    for teacher, pairs in PAIRS.items():
        assert read_pairs(CORPUS_SLICE / "qa", teacher) == [pair for pair in pairs if pair.paper_id in PAPER_IDS]


def test_numbers_of_answers_are_in_the_description_the_title_or_the_question() -> None:
    """Numbers in digits, as they are written."""
    sources = {paper.paper_id: f"{paper.title} {paper.abstract}" for paper in PAPERS}

    def numbers(text: str) -> set[str]:
        return set(re.findall(r"\d+(?:[.,]\d+)*", text))

    invented = {
        pair.question: missing
        for pairs in PAIRS.values()
        for pair in pairs
        if (missing := numbers(pair.answer) - numbers(f"{sources[pair.paper_id]} {pair.question}"))
    }
    assert invented == {}


def test_checks_of_generated_pairs_pass_but_for_known_false_alarms() -> None:
    """The README names the number of false alarms; none is about the form of a pair."""
    limits = read_teacher("gemma").limits
    papers = {paper.paper_id: paper for paper in PAPERS}
    problems = Counter(
        problem.reason
        for pairs in PAIRS.values()
        for pair in pairs
        if (problem := find_problem(pair.question, pair.answer, source_text(papers[pair.paper_id]), limits))
    )
    assert problems.keys() <= {
        "the answer has a number that the abstract does not have",
        "the answer has a name that the abstract does not have",
        "the question has a number that the abstract does not have",
        "the question has a name that the abstract does not have",
    }
    readme = (OPEN_CORPUS / "README.md").read_text(encoding="utf-8")
    assert f"reject {problems.total()} of the 3,145 pairs" in readme
