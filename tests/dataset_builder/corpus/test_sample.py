"""What the sample promises: its size, its lengths, and answers that the abstracts hold."""

from __future__ import annotations

import json
import re

import pytest

from tests.conftest import SAMPLE

PAPERS = [json.loads(line) for path in sorted(SAMPLE.glob("papers/*.jsonl")) for line in path.open(encoding="utf-8")]
PAIRS = {
    teacher: [json.loads(line) for path in sorted(SAMPLE.glob(f"qa/{teacher}/*.jsonl")) for line in path.open()]
    for teacher in ("detailed", "plain")
}


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


def test_48_papers_of_which_14_or_more_are_for_test() -> None:
    """Spread over 2005 to 2024."""
    years = [paper["year"] for paper in PAPERS]
    assert len(PAPERS) == 48
    assert sum(year >= 2022 for year in years) >= 14
    assert set(years) == set(range(2005, 2025))


def test_abstracts_have_80_to_130_words() -> None:
    """Counted by spaces."""
    lengths = {paper["paper_id"]: len(paper["abstract"].split()) for paper in PAPERS}
    assert {paper_id: n for paper_id, n in lengths.items() if not 80 <= n <= 130} == {}


@pytest.mark.parametrize("teacher", ["detailed", "plain"])
def test_two_or_three_pairs_a_paper(teacher: str) -> None:
    """`detailed` on every paper, `plain` on the test papers."""
    counts = {
        paper["paper_id"]: sum(pair["paper_id"] == paper["paper_id"] for pair in PAIRS[teacher])
        for paper in PAPERS
        if teacher == "detailed" or paper["year"] >= 2022
    }
    assert set(counts.values()) <= {2, 3}
    assert sum(counts.values()) == len(PAIRS[teacher])


@pytest.mark.parametrize("teacher", ["detailed", "plain"])
def test_every_number_of_an_answer_is_in_the_abstract(teacher: str) -> None:
    """Numbers are compared as they are written."""
    abstracts = {paper["paper_id"]: paper["abstract"] for paper in PAPERS}
    missing = {
        pair["question"]: lost
        for pair in PAIRS[teacher]
        if (lost := _numbers(pair["answer"]) - _numbers(abstracts[pair["paper_id"]]))
    }
    assert missing == {}
