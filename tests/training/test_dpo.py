"""Preference training on the tiny model: sampled answers, DPO, and a run that is interrupted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.errors import InputError
from eval.generation import answers as answering
from eval.run_metrics import read_run_metrics
from tests.conftest import REPOSITORY, contents
from training import dpo
from training.alignment.preference_trainer import PreferenceTrainer
from training.run.stopwatch import Stopwatch


def align(adapter: Path, corpus: Path, encoder: Path, preferences: Path, out: Path, *more: object) -> None:
    """Run `training.dpo` with the recipe of the tests."""
    words: list[object] = ["--config", REPOSITORY / "tests/recipes/tiny-dpo.yaml", "--model_name_or_path", adapter]
    words += ["--dataset", corpus, "--encoder", encoder, "--preferences", preferences, "--output_dir", out]
    words += ["--disable_tqdm", "true", "--num_train_epochs", 3, "--save_steps", 1]
    dpo.main([str(word) for word in (*words, *more)])


def test_dpo_trains_the_adapter_and_resumes(
    adapter: Path, three_papers: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two epochs of three steps. The warm-up leaves the adapter at the reference for two steps, so the margin is 0.

    The second run uses the samples of the first one. Interrupted in the second epoch, it does not compute the
    reference again, and ends in the same adapter.
    """
    from safetensors.torch import load_file

    before = contents(adapter)
    epochs = ("--num_train_epochs", 2)
    # Of a run with other keys, which ended before its first checkpoint.
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.partial.reference.0-00000.jsonl").touch()
    words = (adapter, three_papers, encoder, tmp_path / "best")
    align(*words, tmp_path / "run", *epochs)
    assert contents(adapter) == before
    assert not [path for path in (tmp_path / "run").iterdir() if path.is_dir() or path.name.startswith(".partial")]
    metrics = read_run_metrics(tmp_path / "run")
    assert (metrics.method, metrics.adapter, metrics.train_pairs) == ("dpo", str(adapter), 6)
    assert metrics.samples is not None
    assert metrics.samples.sampling.samples == 3
    steps = metrics.preference_by_step or []
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step.margin for step in steps[:2]] == pytest.approx([0, 0], abs=1e-4)
    assert steps[5].margin > 1e-3
    assert steps[5].accuracy == 1
    assert metrics.validation_before.similarity is not None
    assert metrics.validation.similarity is not None

    begin = Stopwatch.on_step_begin

    def interrupted(self: Any, args: Any, state: Any, *more: Any, **kwargs: Any) -> None:
        if state.global_step == 4:
            raise KeyboardInterrupt
        begin(self, args, state, *more, **kwargs)

    def refused(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("is computed a second time")

    monkeypatch.setattr(answering, "sample_in_batches", refused)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt, match=r"resumes from .*checkpoint-4"):
        patched.setattr(Stopwatch, "on_step_begin", interrupted)
        align(*words, tmp_path / "again", *epochs)
    monkeypatch.setattr(PreferenceTrainer, "compute_ref_log_probs", refused)
    align(*words, tmp_path / "again", *epochs)
    one, other = (load_file(tmp_path / run / "adapter_model.safetensors") for run in ("run", "again"))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)
    old = load_file(adapter / "adapter_model.safetensors")
    assert old.keys() == one.keys()
    assert any(not old[name].equal(one[name]) for name in old)
    assert json.loads((tmp_path / "again/inputs.json").read_text())["recipe"]["samples"] == 3


def test_reference_is_computed_again_for_other_log_probabilities(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first checkpoint a key may change; the values of the run that was interrupted do not fit then."""
    words = (adapter, small_corpus, encoder, tmp_path / "best", tmp_path / "run")

    def interrupted(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    def refused(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("is computed")

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt, match="no checkpoint was saved yet"):
        patched.setattr(Stopwatch, "on_step_begin", interrupted)
        align(*words)
    monkeypatch.setattr(PreferenceTrainer, "compute_ref_log_probs", refused)
    with pytest.raises(AssertionError, match="is computed"):
        align(*words, "--ld_alpha", 0.5)


def test_only_one_process_samples(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes, the second would wait for hours, longer than torch allows."""
    monkeypatch.setattr("transformers.TrainingArguments.world_size", 2)
    with pytest.raises(InputError, match=r"best: no finished answers there, .* run `python -m training.best_of_n`"):
        align(adapter, small_corpus, encoder, tmp_path / "best", tmp_path / "run")
    assert not (tmp_path / "best").exists() and not (tmp_path / "run").exists()


def test_answers_without_a_difference_are_refused(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    """At a temperature near 0, both samples are the greedy answer."""
    with pytest.raises(InputError, match=r"best: no sampled answer is better than another one; draw more --samples"):
        align(adapter, small_corpus, encoder, tmp_path / "best", tmp_path / "run", "--temperature", "1e-6")
    assert not (tmp_path / "run").exists()
