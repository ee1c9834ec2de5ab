"""The verifier in `generate` and `calibrate`: rejected pairs, the manifest, and shares worked out by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dataset_builder.__main__ import parser
from dataset_builder.corpus.manifest import RejectedPair, Response
from dataset_builder.corpus.papers import Paper
from dataset_builder.errors import InputError
from dataset_builder.formats import read_records
from dataset_builder.generate.calibrate_verifier import VerifierCalibration, verifier_table
from dataset_builder.generate.responses import OnResults, PaperResult, Request
from dataset_builder.generate.run import generate
from dataset_builder.grounding.check import THRESHOLD
from dataset_builder.teachers.teacher import Teacher, read_teacher
from dataset_builder.verification.load import find_verifier
from dataset_builder.verification.support_check import NOT_SUPPORTED, SupportCheck
from dataset_builder.verification.verifier import Verifier
from tests.conftest import append

ABSTRACT = "Zebra turns off idle ways of large caches and saves 40% of their power on average. It needs no new banks."
QUESTION = "How much does Zebra save?"
RIGHT = "Zebra turns off idle ways of caches and saves 40% of their power."
WRONG = "Zebra turns off large caches and saves 40% of their power."


class TwoPairs:
    """A backend that returns a right and a wrong pair on every paper."""

    name, served_model = "http", None

    def respond(
        self, teacher: Teacher, requests: Sequence[Request], seed: int, share: slice, on_results: OnResults
    ) -> None:
        """Return the same response to each request."""
        pairs = [
            {"question": QUESTION, "answer": RIGHT},
            {"question": "What does it do?", "answer": WRONG},
        ]
        response = Response(seed=1, text=json.dumps(pairs), finish_reason="stop", tokens=1)
        on_results(
            [
                PaperResult(
                    paper_id=request.paper_id, request_sha256=request.sha256, made_by="a test", responses=[response]
                )
                for request in requests
            ]
        )


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """Return a folder with a paper."""
    paper = Paper(
        paper_id="10.1/a", title="Zebra", year=2020, venue="isca", paper_url="https://x/a", abstract=ABSTRACT
    )
    append(tmp_path / "papers/isca_2020.jsonl", paper.model_dump())
    return tmp_path / "papers"


@pytest.fixture
def supports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every verifier support RIGHT as the answer to QUESTION by 0.75, and all others by 0.25."""

    def score(_: Verifier, items: Sequence[tuple[str, str, str]]) -> Iterator[dict[int, float]]:
        yield {number: 0.75 if item[1:] == (QUESTION, RIGHT) else 0.25 for number, item in enumerate(items)}

    monkeypatch.setattr(Verifier, "score_batches", score)


def test_pairs_below_the_threshold_are_rejected(
    tmp_path: Path, papers: Path, encoder: Path, verifier: Path, supports: None
) -> None:
    """With a reason of their own; the manifest has the verifier and the threshold."""
    check = SupportCheck(find_verifier("--verifier", str(verifier)), 0.5)
    teacher = read_teacher("mistral")
    manifest = generate(teacher, TwoPairs(), papers, None, tmp_path / "qa", 0, str(encoder), THRESHOLD, check)
    assert manifest is not None
    assert (manifest.accepted, manifest.rejected_pairs) == (1, {NOT_SUPPORTED: 1})
    assert manifest.checks.verifier_threshold == 0.5
    assert manifest.checks.verifier_sha256 == check.verifier.folder.fingerprint
    ((_, rejected),) = read_records(RejectedPair, tmp_path / "qa/mistral/rejected.jsonl", "")
    assert (rejected.answer, rejected.detail) == (WRONG, "support 0.2500, at least 0.5000 is required")
    without = generate(teacher, TwoPairs(), papers, None, tmp_path / "all", 0, str(encoder), THRESHOLD)
    assert without is not None
    assert (without.accepted, without.checks.verifier_sha256) == (2, None)


def test_shares_of_the_verifier() -> None:
    """Two good pairs and three wrong answers, at both thresholds."""
    found = VerifierCalibration(good=[0.9, 0.4], wrong={"unit": [0.1, 0.6], "negation": [0.2]}, current=0.5, best=0.3)
    heading, rows = verifier_table(found)
    assert heading == ["", "answers", "0.500, current", "0.300, best"]
    assert rows == [
        ["good pairs: pass", "2", "50.0%", "100.0%"],
        ["wrong answers: rejected", "3", "66.7%", "66.7%"],
        ["unit", "2", "50.0%", "50.0%"],
        ["negation", "1", "100.0%", "100.0%"],
    ]


def _calibrate(folder: Path, encoder: Path, *more: object) -> None:
    words = ["calibrate", "--papers", folder / "papers", "--qa", folder / "qa", "--encoder", encoder, *more]
    arguments = parser().parse_args([*map(str, words)])
    arguments.run_command(arguments)


def test_calibrate_prints_the_shares_by_kind_of_error(
    tmp_path: Path,
    papers: Path,
    encoder: Path,
    verifier: Path,
    supports: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both pairs are good; the verifier rejects the answer on queues, and every wrong answer that the rules make."""
    queue = "A queue drops packets."
    other = Paper(paper_id="10.1/b", title="Q", year=2020, venue="isca", paper_url="https://x/b", abstract=queue)
    append(papers / "isca_2020.jsonl", other.model_dump())
    for paper_id, question, answer in (
        ("10.1/a", QUESTION, RIGHT),
        ("10.1/b", "What does a queue drop?", queue),
    ):
        pair = {"paper_id": paper_id, "teacher": "t", "question": question, "answer": answer}
        append(tmp_path / "qa/t/isca_2020.jsonl", pair)
    _calibrate(tmp_path, encoder, "--verifier", verifier, "--verifier-threshold", 0.5)
    printed = capsys.readouterr().out
    assert re.search(r"good pairs: pass\W+2\W+50\.0%\W+50\.0%", printed)
    assert re.search(r"wrong answers: rejected\W+\d+\W+100\.0%", printed)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--verifier-threshold", "0.5"], r"--verifier-threshold 0\.5: has no use without --verifier"),
        (["--verifier", "{base}"], r"is not a verifier \(it has no verifier\.json\)"),
    ],
)
def test_wrong_verifier_options_are_named(options: list[str], problem: str, tmp_path: Path, tiny_base: Path) -> None:
    """Before papers and pairs are read."""
    with pytest.raises(InputError, match=problem):
        _calibrate(tmp_path, tmp_path, *(option.format(base=tiny_base) for option in options))
