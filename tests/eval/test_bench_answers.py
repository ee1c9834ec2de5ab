"""Test the comparison with other libraries on the tiny model."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from dataset_builder.models.folders import find_model
from eval.prompting import PLAIN
from tests import bench_answers
from tests.answer_systems import SYSTEMS, SystemInput, SystemRun, choose_questions, convert, run_system
from tests.bench_answers import MeasuredRun, measure, table_line


def test_systems_give_the_same_answers(corpus: Path, tiny_base: Path, tmp_path: Path) -> None:
    """In float32, each installed library answers as plain `generate` does, in the order of the questions."""
    given = SystemInput(find_model("model", str(tiny_base)), tmp_path / "converted", PLAIN)
    has_ctranslate2 = importlib.util.find_spec("ctranslate2") is not None
    if has_ctranslate2:
        convert(given.folder, given.converted)
    questions = choose_questions(str(corpus), ["plain"], 2)
    assert len(questions) > 2
    answers = {
        name: run_system(load(given), questions).answers
        for name, load in SYSTEMS.items()
        if has_ctranslate2 or not name.startswith("CTranslate2")
    }
    expected = answers["generate, one prompt"]
    assert len(set(expected)) > 1
    assert {name for name, own in answers.items() if own != expected} <= {"CTranslate2 int8"}


def test_questions_are_all_questions_on_some_papers(corpus: Path) -> None:
    """Both configs ask about the same papers, and no question on them is left out."""
    every = choose_questions(str(corpus), ["plain", "detailed"], None)
    some = choose_questions(str(corpus), ["plain", "detailed"], 2)
    papers = {question.paper_id for question in some}
    assert len(papers) == 2
    assert some == [question for question in every if question.paper_id in papers]


def test_missing_library_has_no_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A system whose library is not installed is left out without an error."""
    monkeypatch.setattr(bench_answers, "CONVERTED_LIBRARY", "a_library_that_does_not_exist")
    assert measure(["CTranslate2 float32", "CTranslate2 int8"], 1, [], tmp_path) == {}


def test_line_of_the_table() -> None:
    """The speed is the median of two rounds relative to the project's, the memory is the largest."""

    def runs(*seconds: float, answers: list[str]) -> list[MeasuredRun]:
        return [
            MeasuredRun(SystemRun(answers, second, second / 2), (number + 1) * 2**30)
            for number, second in enumerate(seconds)
        ]

    measured = {
        "generate, one prompt": runs(8.0, 8.0, answers=["a", "b"]),
        "this project": runs(2.0, 2.0, answers=["a", "b"]),
        "generate_batch": runs(3.0, 5.0, answers=["a", "c"]),
    }
    line = table_line("generate_batch", measured, {"generate, one prompt": 0.5, "generate_batch": 0.49})
    # 2 answers in 3 and in 5 s: 0.667 and 0.4 answers/s; 0.75 and 1.25 CPU s an answer, and the project's 0.5.
    assert line == "| generate_batch | 0.53 | 1.00 | 0.50 | 2.0 GiB | 1 of 2 | 0.490 (-0.010) |\n"
