"""`eval verify` adds the support to lines of abstract, question and answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.verification.load import find_verifier
from dataset_builder.verification.verifier import Verifier
from eval.__main__ import parser

LINES = [
    {"abstract": "Zebra saves power.", "question": "What is saved?", "answer": "Power.", "id": 7, "tags": ["a"]},
    {"abstract": "Branches are predicted.", "question": "What is predicted?", "answer": "Loads."},
    {"abstract": "Zebra saves power.", "question": "What is saved?", "answer": "Gr\u00f6\u00dfe."},
]


def _write(path: Path, lines: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def _run(model: Path, given: Path, out: Path) -> None:
    arguments = parser().parse_args(["verify", "--model", str(model), "--input", str(given), "--out", str(out)])
    arguments.run_command(arguments)


def test_lines_get_their_support(verifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the input, with its other keys; the summary counts by the threshold of the verifier."""
    given, out = _write(tmp_path / "in.jsonl", LINES), tmp_path / "out.jsonl"
    _run(verifier, given, out)
    written = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    supports = [line.pop("support") for line in written]
    assert written == LINES
    loaded = find_verifier("--model", str(verifier)).load()
    expected = [
        loaded.score_all([(str(line["abstract"]), str(line["question"]), str(line["answer"]))]) for line in LINES
    ]
    assert supports == pytest.approx([score for scores in expected for score in scores], abs=1e-5)
    assert capsys.readouterr().out == f"3 answers, 3 below the threshold 0.990 (not supported): {out}\n"


def test_answers_below_the_threshold_are_counted(
    verifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The threshold is 0.99: an answer with this support counts as supported."""
    supports = dict(enumerate((0.995, 0.99, 0.5)))
    monkeypatch.setattr(Verifier, "score_batches", lambda *_: iter([supports]))
    _run(verifier, _write(tmp_path / "in.jsonl", LINES), tmp_path / "out.jsonl")
    assert capsys.readouterr().out.startswith("3 answers, 1 below the threshold 0.990")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], r"in\.jsonl: has no lines; give a line"),
        ([LINES[0], {"abstract": "A.", "question": "Why?"}], r"in\.jsonl:2: has no 'answer'; correct the line"),
    ],
)
def test_wrong_input_is_named(lines: list[dict[str, object]], problem: str, verifier: Path, tmp_path: Path) -> None:
    """Nothing is written."""
    given = _write(tmp_path / "in.jsonl", lines)
    with pytest.raises(InputError, match=problem):
        _run(verifier, given, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_model_that_is_not_a_verifier_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    """Its probabilities of yes and no would mean nothing."""
    with pytest.raises(InputError, match=r"is not a verifier \(it has no verifier\.json\); train one: "):
        _run(tiny_base, _write(tmp_path / "in.jsonl", LINES), tmp_path / "out.jsonl")
