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
from tests.corpus_slice import OPEN_CORPUS

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


def test_preferences() -> None:
    """796 lines: two questions of `detailed` on each of 398 papers before 2022. The README counts the errors."""
    lines = _lines(OPEN_CORPUS / "preferences")
    assert {tuple(line) for line in lines} == {("paper_id", "question", "chosen", "rejected", "error")}
    assert all(line["chosen"] and line["rejected"] and line["chosen"] != line["rejected"] for line in lines)
    known = {(pair.paper_id, pair.question) for pair in PAIRS["detailed"]}
    asked = {(line["paper_id"], line["question"]) for line in lines}
    assert len(asked) == len(lines) == 796 and asked <= known
    years = {paper.paper_id: paper.year for paper in PAPERS}
    assert len({paper_id for paper_id, _ in asked}) == 398
    assert max(years[paper_id] for paper_id, _ in asked) < 2022
    readme = (OPEN_CORPUS / "README.md").read_text(encoding="utf-8")
    counted = {kind: int(count) for kind, count in re.findall(r"^\| `([a-z-]+)` \| .* \| (\d+) \|$", readme, re.M)}
    assert counted == Counter(line["error"] for line in lines)


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
