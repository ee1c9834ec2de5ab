"""The open corpus has the size, the lengths and the pairs that its README names."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import read_papers
from dataset_builder.generate.checks import find_problem, source_text
from dataset_builder.grounding.check import unsupported_numbers
from dataset_builder.teachers.teacher import read_teacher
from tests.corpus_slice import OPEN_CORPUS

VARIED_KINDS = ("setting", "scope", "yes-no", "no-answer", "two-facts")
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


def test_varied_pairs() -> None:
    """One pair of each kind on every paper; questions of at most 25 words and answers of 12 to 40; half are "No"."""
    lines = _lines(OPEN_CORPUS / "qa/varied")
    assert Counter((line["paper_id"], line["kind"]) for line in lines) == Counter(
        (paper.paper_id, kind) for paper in PAPERS for kind in VARIED_KINDS
    )
    assert all(len(line["question"].split()) <= 25 and line["question"].count("?") == 1 for line in lines)
    assert all(12 <= len(line["answer"].split()) <= 40 and line["answer"].endswith(".") for line in lines)
    said = Counter(re.split(r"\W", line["answer"])[0] for line in lines if line["kind"] == "yes-no")
    assert said.keys() == {"Yes", "No"}
    assert abs(said["Yes"] - said["No"]) <= 0.02 * said.total()


def test_varied_questions_are_no_template() -> None:
    """At most 3 % share their first three words; no two on a paper are nearly the same, none is asked twice."""
    lines = _lines(OPEN_CORPUS / "qa/varied")
    words = [re.findall(r"\w+", line["question"].lower()) for line in lines]
    openings = Counter(tuple(own[:3]) for own in words)
    assert openings.most_common(1)[0][1] <= 0.03 * len(lines)
    asked: dict[str, list[set[str]]] = {}
    for line, own in zip(lines, words, strict=True):
        asked.setdefault(line["paper_id"], []).append(set(own))
    for pair in (pair for pairs in PAIRS.values() for pair in pairs):
        asked[pair.paper_id].append(set(re.findall(r"\w+", pair.question.lower())))
    nearest = max(
        (len(one & other) / len(one | other), paper_id)
        for paper_id, questions in asked.items()
        for one, other in combinations(questions, 2)
    )
    assert nearest[0] < 0.85, nearest


def test_numbers_of_varied_answers_are_in_the_description() -> None:
    """Or in the title, in the question, or among the results of a calculation that the line lists."""
    papers = {paper.paper_id: paper for paper in PAPERS}
    unknown = []
    for line in _lines(OPEN_CORPUS / "qa/varied"):
        paper = papers[line["paper_id"]]
        source = f"{source_text(paper)} {line['question']} {' '.join(line.get('calculated', []))}"
        missing = unsupported_numbers(line["answer"], source)
        unknown += [(line["paper_id"], line["kind"], missing)] if missing else []
    assert unknown == []


def test_preferences() -> None:
    """Two questions on each of 398 papers before 2022, one on each later paper. The README counts the errors."""
    lines = _lines(OPEN_CORPUS / "preferences")
    assert {tuple(line) for line in lines} == {("paper_id", "question", "chosen", "rejected", "error")}
    assert all(line["chosen"] and line["rejected"] and line["chosen"] != line["rejected"] for line in lines)
    known = {(pair.paper_id, pair.question) for pair in PAIRS["detailed"]}
    asked = {(line["paper_id"], line["question"]) for line in lines}
    assert len(asked) == len(lines) == 1040 and asked <= known
    years = {paper.paper_id: paper.year for paper in PAPERS}
    asked_papers = Counter(paper_id for paper_id, _ in asked)
    trained = {paper_id: count for paper_id, count in asked_papers.items() if years[paper_id] < 2022}
    assert (len(trained), set(trained.values())) == (398, {2})
    assert Counter(years[paper_id] for paper_id in asked_papers.keys() - trained.keys()) == {
        2022: 73,
        2023: 84,
        2024: 87,
    }
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
