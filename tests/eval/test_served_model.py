"""Test an evaluation of a model behind a server beside a tiny model here: killed, resumed, and its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.__main__ import parser
from eval.analysis.scores import read_scores
from tests.conftest import contents
from tests.running_chat_server import requests_in, serving


@pytest.mark.slow
def test_killed_evaluation_asks_only_for_the_rest(
    tmp_path: Path,
    corpus: Path,
    tiny_base: Path,
    encoder: Path,
    killed: Callable,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Killed at the fifth answer. The model is in every table by its name; the key is in no file and no output."""
    monkeypatch.setenv("KEY", "a-secret")
    out = tmp_path / "eval"
    with serving(tmp_path) as (url, log):
        words = ["eval", "run", "--dataset", corpus, "--configs", "plain", "--encoders", encoder, "--questions", "20"]
        words += ["--models", f"big=openai:{url}#lab/big", f"tiny={tiny_base}", "--out", out]
        words += ["--concurrency", "2", "--token-variable", "KEY"]
        killed("eval.generation.answer_store.AnswerStore.append", 5, *words)
        (journal,) = (out / "answers").glob(".partial.big.*.jsonl")
        assert len(journal.read_text().splitlines()) == 4
        arguments = parser().parse_args(list(map(str, words[1:])))
        arguments.run_command(arguments)
        requests = requests_in(log)
    asked = Counter(request["body"]["messages"][0]["content"] for request in requests)
    # The two that were in flight at the kill are asked again.
    assert len(asked) == 20 and sum(asked.values()) <= 22
    assert {request["headers"]["authorization"] for request in requests} == {"Bearer a-secret"}

    scores = read_scores(out / "scores.json")
    system = scores.systems["big"]
    assert (system.model, system.served_model, system.role) == (f"openai:{url}#lab/big", "lab/big", "served")
    assert (system.prompt, system.decoding) == ("chat", "greedy")
    assert (system.configs["plain"].n, system.configs["plain"].cut_answers) == (20, 0)
    assert ("big", "tiny") in {(pair.first, pair.second) for pair in scores.differences["plain"]}
    report = (out / "report.md").read_text()
    assert "| big (chat prompt) | " in report and "Systems behind a server: big (lab/big)." in report
    printed = capsys.readouterr()
    assert "big (chat prompt)" in printed.out
    assert "a-secret" not in printed.out + printed.err
    assert all(b"a-secret" not in content for content in contents(out).values())
