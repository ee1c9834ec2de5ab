"""The set of answers on real abstracts, and the benchmark of a verifier on such a set."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dataset_builder.errors import InputError
from dataset_builder.formats import read_records
from dataset_builder.verification.example import Example
from dataset_builder.verifier_examples.written import WrittenAnswer
from tests.bench_verifier import main, parser, read_examples, shares_below_right

FOLDER = Path(__file__).parent
ANSWERS = [answer for _, answer in read_records(WrittenAnswer, FOLDER / "real_answers.jsonl", "correct the line")]
README = (FOLDER / "README.md").read_text(encoding="utf-8")

PAPERS = [
    ("10.1/a", "Zebra is a cache. It saves 40% of the power."),
    ("10.1/b", "Yak predicts branches. It learns from history."),
    ("10.1/c", None),
]
LINES = [
    ("10.1/a", "What does it save?", "Zebra saves power.", None),
    ("10.1/a", "What does it save?", "It saves 70% of the time.", "number-role"),
    ("10.1/b", "What does Yak do?", "It guesses branches.", None),
    ("10.1/b", "What does Yak do?", "It predicts branches.", "cause"),
    ("10.1/c", "What is Gnu?", "A bus.", None),
    ("10.1/c", "What is Gnu?", "A ring.", "scope"),
]


class LastWord:
    """An encoder that gives the same vector to texts with the same last word, and unrelated ones to all others."""

    def __call__(self, texts: list[str]) -> np.ndarray:
        """Return a row for each text."""
        last = [text.rstrip(".").split()[-1] for text in texts]
        return np.array([[float(word == other) for other in dict.fromkeys(last)] for word in last])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with papers/isca_2022.jsonl and answers.jsonl."""
    (tmp_path / "papers").mkdir()
    papers = [
        {
            "paper_id": paper_id,
            "title": paper_id,
            "year": 2022,
            "venue": "isca",
            "paper_url": f"https://doi.org/{paper_id}",
        }
        | {"abstract": abstract}
        for paper_id, abstract in PAPERS
    ]
    _write(tmp_path / "papers" / "isca_2022.jsonl", papers)
    _write_answers(tmp_path / "answers.jsonl", LINES)
    return tmp_path


def _write(path: Path, records: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def _write_answers(path: Path, lines: list[tuple[str, str, str, str | None]]) -> None:
    keys = ("paper_id", "question", "answer", "error")
    _write(path, [dict(zip(keys, line, strict=True)) | {"wording": "near"} for line in lines])


def test_tables_compare_the_verifier_with_the_baselines(
    files: Path, verifier: Path, encoder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest sentence: right 1 and 1, wrong 0 and 1. The checks: right 1 and 1, wrong 0 (for 70%) and 1."""
    monkeypatch.setattr("dataset_builder.models.encoders.load_embed", lambda name: LastWord())
    words = ["--model", verifier, "--encoder", encoder, "--answers", files / "answers.jsonl"]
    words += ["--papers", files / "papers"]
    main(parser().parse_args(list(map(str, words))))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "4 answers on 2 papers"
    assert lines[1] == f"left out, since {files / 'papers'} has no abstract of them: 10.1/c"
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    assert rows[0] == ["kind of error", "wrong answers", "verifier", "nearest sentence", "checks"]
    assert [(row[0], row[1], *row[3:]) for row in rows if row[1].isdigit()] == [
        *(("all kinds", "2", "0.750", "0.750"), ("number-role", "1", "1.000", "1.000")),
        ("cause", "1", "0.500", "0.500"),
    ] * 2
    assert all(0 <= float(row[2]) <= 1 for row in rows if row[1].isdigit())
    assert lines[-1].startswith("wrong answers below the threshold 0.990: precision ")


def test_wrong_answer_is_compared_with_the_right_one_to_its_question() -> None:
    """Above it, equal to it, and below it, although it is above the right answer to another question."""

    def example(question: str, error: str | None) -> Example:
        return Example("10.1/a", "It is.", question, "Yes.", error)  # type: ignore[arg-type]

    examples = [example(question, error) for question in ("A?", "B?", "C?") for error in (None, "unit")]
    shares = shares_below_right(examples, [0.1, 0.2, 0.5, 0.5, 0.9, 0.6])
    assert shares == {"all kinds": pytest.approx(0.5), "unit": pytest.approx(0.5)}
    assert shares_below_right(examples[4:], [0.9, 0.6]) == {"all kinds": 1.0, "unit": 1.0}


def test_input_that_cannot_be_measured_is_refused(files: Path) -> None:
    """Papers without any abstract, and a question with a right answer only."""
    _write_answers(files / "other.jsonl", LINES[4:])
    with pytest.raises(InputError, match=r"--papers .*: has no abstract of the papers of .*other\.jsonl; find them: "):
        read_examples(files / "other.jsonl", files / "papers")
    _write_answers(files / "other.jsonl", LINES[:3])
    with pytest.raises(InputError, match=r"10\.1/b: 'What does Yak do\?' lacks a right or a wrong answer; add it"):
        read_examples(files / "other.jsonl", files / "papers")


def test_each_question_has_a_right_and_a_wrong_answer() -> None:
    """One question on each paper, and the README has the number of answers by kind."""
    labels = Counter((answer.paper_id, answer.question, answer.error is None) for answer in ANSWERS)
    assert set(labels.values()) == {1}
    assert len({paper_id for paper_id, *_ in labels}) == len({question for _, question, _ in labels}) == 110
    assert len({answer.answer for answer in ANSWERS}) == len(labels) == 220
    table = {kind: int(count) for kind, count in re.findall(r"^\| `([a-z-]+)` \| .* \| +(\d+) \|$", README, re.M)}
    assert table == Counter(answer.error for answer in ANSWERS if answer.error)


def test_wording_and_length_do_not_give_the_label_away() -> None:
    """Half of each label are near the abstract, and both labels have 18.1 words on average."""
    near = Counter(answer.error is None for answer in ANSWERS if answer.wording == "near")
    assert near == {True: 55, False: 55}
    for is_right in (True, False):
        lengths = [len(answer.answer.split()) for answer in ANSWERS if (answer.error is None) is is_right]
        assert sum(lengths) / len(lengths) == pytest.approx(18.1, abs=0.05)
