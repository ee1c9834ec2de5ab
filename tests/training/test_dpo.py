"""Preference training on the tiny model: sampled answers, DPO, and a run that is interrupted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.errors import InputError
from dataset_builder.prompt import build_prompt
from eval.generation import answers as answering
from eval.prompting import Answer
from eval.run_metrics import read_run_metrics
from tests.conftest import REPOSITORY, contents
from training import dpo, sft
from training.guarded_trainer import Stopwatch
from training.preferences import Preference, RankedSamples, choose, length_match, preference_rows, read_preferences


def align(adapter: Path, corpus: Path, encoder: Path, out: Path, *more: object) -> None:
    """Run `training.dpo` with the recipe of the tests."""
    words: list[object] = ["--config", REPOSITORY / "tests/recipes/tiny-dpo.yaml", "--model_name_or_path", adapter]
    words += ["--dataset", corpus, "--encoder", encoder, "--output_dir", out]
    words += ["--disable_tqdm", "true", "--num_train_epochs", 2, "--save_steps", 1]
    dpo.main([str(word) for word in (*words, *more)])


def refused(*args: Any, **kwargs: Any) -> Any:
    """Fail, in place of a function that must not be called."""
    raise AssertionError("is computed a second time")


def test_dpo_trains_the_adapter_and_resumes(
    adapter: Path, three_papers: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two epochs of six steps, from answers that are sampled first.

    The second run is interrupted after the first sampled answers, and in the second epoch. Then it samples no answer
    again, and ends in the same adapter. A finished run is not changed.
    """
    from safetensors.torch import load_file

    before = contents(adapter)
    words = (adapter, three_papers, encoder)
    align(*words, tmp_path / "run", "--preferences", tmp_path / "one")
    assert contents(adapter) == before
    assert not [path for path in (tmp_path / "run").iterdir() if path.is_dir() or path.name.startswith(".partial")]
    preferences = read_preferences(tmp_path / "one")
    assert {preference.paper_id for preference in preferences} <= {"10.1/train", "10.1/second", "10.1/third"}
    assert all(preference.chosen != preference.rejected for preference in preferences)
    metrics = read_run_metrics(tmp_path / "run")
    assert (metrics.method, metrics.adapter, metrics.train_pairs) == ("dpo", str(adapter), len(preferences))
    assert metrics.dataset_revision == corpus_revision(str(three_papers))
    assert metrics.tokens_per_second > 0
    steps = metrics.preference_by_step or []
    assert [step.step for step in steps] == list(range(1, 2 * len(preferences) + 1))
    assert steps[0].margin == pytest.approx(0, abs=1e-4)
    assert steps[-1].margin > 1e-3
    assert metrics.validation_before.similarity is not None
    assert metrics.validation.similarity is not None

    begin, sample = Stopwatch.on_step_begin, answering.sample_in_batches

    def first_batch(model: Any, tokenizer: Any, questions: Any, sampling: Any) -> Any:
        yield next(sample(model, tokenizer, questions, sampling, batch_size=2))
        raise KeyboardInterrupt

    def until_step_8(self: Any, args: Any, state: Any, *more: Any, **kwargs: Any) -> None:
        if state.global_step == 8:
            raise KeyboardInterrupt
        begin(self, args, state, *more, **kwargs)

    words = (*words, tmp_path / "again", "--preferences", tmp_path / "two")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(answering, "sample_in_batches", first_batch)
        align(*words)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt, match=r"resumes from .*checkpoint-8"):
        patched.setattr(Stopwatch, "on_step_begin", until_step_8)
        align(*words)
    monkeypatch.setattr(answering, "sample_in_batches", refused)
    align(*words)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    one, other = (load_file(tmp_path / run / "adapter_model.safetensors") for run in ("run", "again"))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)
    old = load_file(adapter / "adapter_model.safetensors")
    assert old.keys() == one.keys()
    assert any(not old[name].equal(one[name]) for name in old)
    finished = contents(tmp_path / "again")
    align(*words)
    assert contents(tmp_path / "again") == finished


def test_rows_are_in_the_format_of_trl(three_papers: Path, tokenizer: Any) -> None:
    """A preference on a training paper is a prompt with two completions; one on another paper is left out."""
    train = load_corpus_split(str(three_papers), None, "train")
    paper = train[0]
    own = Preference(paper_id=paper["paper_id"], question="Why?", chosen="It is large.", rejected="It is small.")
    rows = preference_rows([own, own.model_copy(update={"paper_id": "10.1/none"})], train, tokenizer, 512)
    assert rows.to_list() == [
        {
            "prompt": build_prompt(paper["instruction"], paper["context"], "Why?"),
            "chosen": " It is large.",
            "rejected": " It is small.",
        }
    ]
    with pytest.raises(InputError, match="preferences: none is on a paper of the training split"):
        preference_rows([own.model_copy(update={"paper_id": "10.1/none"})], train, tokenizer, 512)


def test_best_and_worst_complete_answers_are_chosen() -> None:
    """By hand: scores 3, 1, 2 and 5, of which the last answer was cut; equal scores prefer nothing."""
    answers = [Answer("a", False), Answer("b", False), Answer("c", False), Answer("d", True)]
    assert choose(7, answers, np.array([3.0, 1.0, 2.0, 5.0])) == RankedSamples(7, "a", "b")
    assert choose(7, answers[:2], np.array([1.0, 1.0])) == RankedSamples(7, None, None)
    assert choose(7, answers[3:], np.array([1.0])) == RankedSamples(7, None, None)


def test_length_counts_alike_in_both_directions() -> None:
    """Half as long is as bad as twice as long; an empty answer counts as one word."""
    assert length_match("a b", "c d") == 0
    assert length_match("a", "b c") == length_match("a b c d", "e f") == pytest.approx(-math.log(2))
    assert length_match("", "b") == 0


def test_answers_without_a_difference_are_refused(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    """At a temperature near 0, all samples are the greedy answer."""
    with pytest.raises(InputError, match=r"adapter: no sampled answer is better than another one; draw more --sam"):
        align(
            adapter, small_corpus, encoder, tmp_path / "run", "--temperature", "1e-6", "--preferences", tmp_path / "p"
        )


def test_dpo_needs_an_adapter(tiny_base: Path, small_corpus: Path, encoder: Path, tmp_path: Path) -> None:
    """A whole model is refused before anything is written."""
    with pytest.raises(InputError, match="is not a LoRA adapter, from which DPO starts"):
        align(tiny_base, small_corpus, encoder, tmp_path / "run", "--preferences", tmp_path / "p")
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
