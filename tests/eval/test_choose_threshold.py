"""The threshold of abstention: chosen by hand-made supports, on questions of a corpus."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dataset_builder.corpus.questions import Question
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import read_format
from eval.__main__ import parser
from eval.abstention import Abstention, choose_threshold, foreign_questions, share_answered
from eval.prompting import Answer
from tests.eval.questions import corpus_question


def test_threshold_answers_nine_of_ten() -> None:
    """Of eleven answers ten must remain; equal supports remain together."""
    assert choose_threshold([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]) == 0.2
    assert choose_threshold([0.0, *[0.5] * 10]) == 0.5
    assert choose_threshold([0.3]) == 0.3
    assert share_answered([0.2, 0.3, 0.5, 0.1], 0.3) == 0.5


def test_foreign_questions_go_to_the_next_paper() -> None:
    """Every question is asked once of another paper, whose place in the order of the hashes follows."""
    papers = sorted("abc", key=sha256_of_text)
    asked = [
        corpus_question(f"What {paper}?", context=f"Text {paper}.", paper_id=paper) for paper in ("a", "b", "c", "a")
    ]
    found = foreign_questions(asked)
    assert [one.question for one in found] == [one.question for one in asked]
    following = {paper: papers[(number + 1) % 3] for number, paper in enumerate(papers)}
    assert [one.context for one in found] == [f"Text {following[one.paper_id]}." for one in asked]


def _command(verifier: Path, model: Path, corpus: Path, *more: object) -> None:
    words = ["choose-threshold", "--verifier", verifier, "--model", model, "--dataset", corpus, *more]
    arguments = parser().parse_args([*map(str, words)])
    arguments.run_command(arguments)


def test_threshold_is_kept_with_both_shares(
    tmp_path: Path,
    verifier: Path,
    tiny_base: Path,
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of ten validation questions, nine have a support of 0.1 or more; of ten foreign ones, two."""
    folder = shutil.copytree(verifier, tmp_path / "verifier")
    questions: list[Question] = []

    def answer(_: object, __: object, asked: Sequence[Question], **___: object) -> Iterator[dict[int, Answer]]:
        questions.extend(asked)
        yield {number: Answer(f"answer {number}") for number in range(len(asked))}

    def score(_: object, items: Sequence[tuple[str, str, str]]) -> Iterator[dict[int, float]]:
        assert items == [(one.context, one.question, f"answer {n}") for n, one in enumerate(questions)]
        yield {number: number / 10 for number in range(10)}
        yield {number: 0.1 if number in (12, 17) else 0.0 for number in range(10, 20)}

    monkeypatch.setattr("eval.generation.answers.answer_in_batches", answer)
    monkeypatch.setattr("dataset_builder.verification.verifier.Verifier.score_batches", score)
    _command(folder, tiny_base, corpus, "--questions", 10)
    found = read_format(Abstention, folder / "abstention.json", "")
    assert (found.threshold, found.answered, found.foreign_answered, found.questions) == (0.1, 0.9, 0.2, 10)
    assert found.is_guarded
    assert [one.question for one in questions[:10]] == [one.question for one in questions[10:]]
    assert all(own.context != other.context for own, other in zip(questions[:10], questions[10:], strict=True))
    printed = capsys.readouterr().out
    assert "at the threshold 0.100, 90.0% are answered, and 20.0% of as many" in printed
    # The same command again asks nothing; with other questions, it asks again.
    questions.clear()
    _command(folder, tiny_base, corpus, "--questions", 10)
    assert (questions, capsys.readouterr().out) == ([], printed)
    _command(folder, tiny_base, corpus, "--questions", 9)
    assert len(questions) == 18


def test_what_cannot_be_measured_is_refused(verifier: Path, tiny_base: Path, corpus: Path) -> None:
    """One question, which has no foreign abstract; no question; a verifier that is not a folder here."""
    with pytest.raises(InputError, match="questions are on 1 papers, and two are needed; ask more questions"):
        _command(verifier, tiny_base, corpus, "--questions", 1)
    with pytest.raises(InputError, match="--questions 0: must be 1 or more"):
        _command(verifier, tiny_base, corpus, "--questions", 0)
    with pytest.raises(InputError, match="--verifier org/verifier: folder not found"):
        _command(Path("org/verifier"), tiny_base, corpus)
