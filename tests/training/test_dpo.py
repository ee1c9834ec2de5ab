"""Preference training on the tiny model: sampled answers, DPO, and a run that is interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.load import corpus_revision
from dataset_builder.errors import InputError
from eval.generation import answers as answering
from eval.run_metrics import AnswerSampling, read_run_metrics
from tests.conftest import REPOSITORY, contents
from training import dpo, sft
from training.alignment.preference_trainer import PreferenceTrainer
from training.run.stopwatch import Stopwatch


def align(adapter: Path, corpus: Path, encoder: Path, out: Path, *more: object) -> None:
    """Run `training.dpo` with the recipe of the tests."""
    words: list[object] = ["--config", REPOSITORY / "tests/recipes/tiny-dpo.yaml", "--model_name_or_path", adapter]
    words += ["--dataset", corpus, "--encoder", encoder, "--output_dir", out]
    words += ["--disable_tqdm", "true", "--num_train_epochs", 2, "--save_steps", 1]
    dpo.main([str(word) for word in (*words, *more)])


def refused(*args: Any, **kwargs: Any) -> Any:
    """Fail, in place of a function that must not be called."""
    raise AssertionError("is computed a second time")


def interrupted(*args: Any, **kwargs: Any) -> Any:
    """Stop, in place of a function."""
    raise KeyboardInterrupt


def test_dpo_trains_the_adapter_and_resumes(
    adapter: Path, three_papers: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two epochs of three steps. The warm-up leaves the adapter at the reference for two steps, so the margin is 0.

    The second run is interrupted after the first sampled answers, and in the second epoch. Then it computes neither
    answers nor the reference again, and ends in the same adapter. A finished run is not changed.
    """
    from safetensors.torch import load_file

    before = contents(adapter)
    # Of a run with other keys, which ended before its first checkpoint.
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.partial.reference.0-00000.jsonl").touch()
    words = (adapter, three_papers, encoder)
    align(*words, tmp_path / "run")
    assert contents(adapter) == before
    assert not [path for path in (tmp_path / "run").iterdir() if path.is_dir() or path.name.startswith(".partial")]
    metrics = read_run_metrics(tmp_path / "run")
    assert (metrics.method, metrics.adapter, metrics.train_pairs) == ("dpo", str(adapter), 6)
    assert metrics.dataset_revision == corpus_revision(str(three_papers))
    assert metrics.samples == AnswerSampling(samples=3, temperature=0.8, seed=0)
    steps = metrics.preference_by_step or []
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step.margin for step in steps[:2]] == pytest.approx([0, 0], abs=1e-4)
    assert steps[5].margin > 1e-3
    assert steps[5].accuracy == 1
    assert metrics.validation_before.similarity is not None
    assert metrics.validation.similarity is not None

    begin, sample = Stopwatch.on_step_begin, answering.sample_in_batches

    def first_batch(model: Any, tokenizer: Any, questions: Any, sampling: Any) -> Any:
        yield next(sample(model, tokenizer, questions, sampling, batch_size=2))
        raise KeyboardInterrupt

    def until_step_4(self: Any, args: Any, state: Any, *more: Any, **kwargs: Any) -> None:
        if state.global_step == 4:
            raise KeyboardInterrupt
        begin(self, args, state, *more, **kwargs)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(answering, "sample_in_batches", first_batch)
        align(*words, tmp_path / "again")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt, match=r"resumes from .*checkpoint-4"):
        patched.setattr(Stopwatch, "on_step_begin", until_step_4)
        align(*words, tmp_path / "again")
    monkeypatch.setattr(answering, "sample_in_batches", refused)
    monkeypatch.setattr(PreferenceTrainer, "compute_ref_log_probs", refused)
    align(*words, tmp_path / "again")
    one, other = (load_file(tmp_path / run / "adapter_model.safetensors") for run in ("run", "again"))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)
    old = load_file(adapter / "adapter_model.safetensors")
    assert old.keys() == one.keys()
    assert any(not old[name].equal(one[name]) for name in old)
    finished = contents(tmp_path / "again")
    align(*words, tmp_path / "again")
    assert contents(tmp_path / "again") == finished


def test_samples_and_reference_are_computed_again_for_other_keys(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first checkpoint a key may change; the values of the run that was interrupted do not fit then."""
    words = (adapter, small_corpus, encoder, tmp_path / "run")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt, match="no checkpoint was saved yet"):
        patched.setattr(Stopwatch, "on_step_begin", interrupted)
        align(*words)
    with monkeypatch.context() as patched, pytest.raises(AssertionError, match="is computed a second time"):
        patched.setattr(PreferenceTrainer, "compute_ref_log_probs", refused)
        align(*words, "--ld_alpha", 0.5)
    with monkeypatch.context() as patched, pytest.raises(AssertionError, match="is computed a second time"):
        patched.setattr(answering, "sample_in_batches", refused)
        align(*words, "--temperature", 0.9)


def test_answers_without_a_difference_are_refused(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    """At a temperature near 0, all samples are the greedy answer."""
    with pytest.raises(InputError, match=r"adapter: no sampled answer is better than another one, .* draw more --sam"):
        align(adapter, small_corpus, encoder, tmp_path / "run", "--temperature", "1e-6")


def test_dpo_needs_an_adapter(tiny_base: Path, small_corpus: Path, encoder: Path, tmp_path: Path) -> None:
    """A whole model is refused before anything is written."""
    with pytest.raises(InputError, match="is not a LoRA adapter, from which DPO starts"):
        align(tiny_base, small_corpus, encoder, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("stage", [sft, dpo])
def test_corpus_is_loaded_at_the_recorded_revision(
    stage: Any, adapter: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The revision is read before the splits, both of which are loaded at it; the option selects it."""
    calls: list[tuple[str, str | None]] = []

    def revision(dataset: str, wanted: str | None) -> str:
        calls.append(("revision", wanted))
        return "commit"

    def load(dataset: str, config: None, split: str, revision: str | None = None) -> Any:
        calls.append((split, revision))
        if split == "validation":
            raise InputError("far enough")
        return []

    monkeypatch.setattr("dataset_builder.corpus.load.corpus_revision", revision)
    monkeypatch.setattr("dataset_builder.corpus.load.load_corpus_split", load)
    recipe = REPOSITORY / f"tests/recipes/tiny-{'dpo' if stage is dpo else 'full'}.yaml"
    words = ["--config", recipe, "--model_name_or_path", adapter if stage is dpo else tiny_base]
    words += ["--dataset", "org/corpus", "--dataset_revision", "v1", "--output_dir", tmp_path / "out"]
    with pytest.raises(InputError, match="far enough"):
        stage.main(list(map(str, words)))
    assert calls == [("revision", "v1"), ("train", "commit"), ("validation", "commit")]
