"""Alignment on the tiny model: GRPO, best of n, a sweep of learning rates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.build import build
from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.errors import InputError
from eval.generation import answers as answering
from tests.conftest import REPOSITORY, contents
from training import align
from training.best_of_n import best_of_n
from training.sweep import sweep


@pytest.fixture
def small_corpus(sources: Path) -> Path:
    """Return a corpus of two training pairs and two for validation."""
    build(sources / "papers", sources / "qa", "t", ["u"], sources / "corpus", "apache-2.0")
    return sources / "corpus"


@pytest.fixture
def adapter(tmp_path: Path, tiny_base: Path, tokenizer: Any) -> Path:
    """Return the folder of a LoRA adapter of the tiny base with B matrices that are not zero."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_base)
    lora = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(model, lora)
    model.save_pretrained(tmp_path / "adapter")
    tokenizer.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def _align(adapter: Path, corpus: Path, encoder: Path, out: Path, *more: object) -> None:
    recipe = REPOSITORY / "training/recipes/tiny-grpo.yaml"
    words = ["--config", recipe, "--model_name_or_path", adapter, "--dataset", corpus, "--encoder", encoder]
    align.main([str(word) for word in (*words, "--output_dir", out, "--disable_tqdm", "true", *more)])


def test_grpo_moves_the_adapter_alone(
    adapter: Path, tiny_base: Path, small_corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    """Two steps: the run folder of an adapter on the same base; the one it started from is as it was."""
    from safetensors.torch import load_file

    before = contents(adapter)
    _align(adapter, small_corpus, encoder, tmp_path / "run", "--max_steps", 2)
    assert contents(adapter) == before
    out = tmp_path / "run"
    assert not [path for path in out.iterdir() if path.is_dir() or path.suffix in (".bin", ".pt")]
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == str(tiny_base)
    old, new = (load_file(folder / "adapter_model.safetensors") for folder in (adapter, out))
    assert old.keys() == new.keys()
    assert any(not old[name].equal(new[name]) for name in old)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["method"] == "grpo"
    assert metrics["dataset_revision"] == corpus_revision(str(small_corpus))
    assert [step["step"] for step in metrics["reward_by_step"]] == [1, 2]
    assert metrics["trainable_parameters"] == sum(tensor.numel() for tensor in new.values())
    assert metrics["tokens_per_second"] > 0
    before, after = metrics["validation_before"]["similarity"], metrics["validation"]["similarity"]
    assert 0 < abs(after - before) < 1


def test_grpo_goes_on_from_its_checkpoint(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off before step 2: the untrained adapter is not scored again, and both steps are in the account."""
    from training.measure import Stopwatch
    from training.validation import ValidationAnswers

    begin, similarity = Stopwatch.on_step_begin, ValidationAnswers.similarity
    scored: list[float] = []

    def interrupted(self: Any, args: Any, state: Any, *more: Any, **kwargs: Any) -> None:
        if state.global_step == 1:
            raise KeyboardInterrupt
        begin(self, args, state, *more, **kwargs)

    def counted(self: Any, model: Any) -> float:
        scored.append(similarity(self, model))
        return scored[-1]

    monkeypatch.setattr(ValidationAnswers, "similarity", counted)
    monkeypatch.setattr(Stopwatch, "on_step_begin", interrupted)
    words = (adapter, small_corpus, encoder, tmp_path / "run", "--max_steps", 2, "--save_steps", 1)
    with pytest.raises(SystemExit) as stopped:
        _align(*words)
    assert stopped.value.code == 130
    monkeypatch.setattr(Stopwatch, "on_step_begin", begin)
    _align(*words)
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert [metrics[key]["similarity"] for key in ("validation_before", "validation")] == scored
    assert [step["step"] for step in metrics["reward_by_step"]] == [1, 2]
    assert not list((tmp_path / "run").glob("checkpoint-*"))


def test_grpo_wants_an_adapter(tiny_base: Path, small_corpus: Path, encoder: Path, tmp_path: Path) -> None:
    """A whole model is refused before anything is written."""
    with pytest.raises(InputError, match="is no LoRA adapter, which alignment starts from"):
        _align(tiny_base, small_corpus, encoder, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_best_of_n_keeps_the_nearest_and_goes_on(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corpus of the same questions; broken off after the first, it ends in the same answers."""
    from eval.answer_similarity.answer_similarity import AnswerSimilarity

    def run(out: Path) -> dict[str, Any]:
        fixed = {"samples": 3, "temperature": 0.8, "seed": 0, "encoder": str(encoder), "batch_size": 1}
        return best_of_n(model=str(adapter), dataset=str(small_corpus), out=out, **fixed)

    report = run(tmp_path / "best")
    old, new = (load_corpus_split(str(folder), None, "train") for folder in (small_corpus, tmp_path / "best"))
    assert new["question"] == old["question"]
    assert new["paper_id"] == old["paper_id"]
    found = AnswerSimilarity().compute(predictions=new["answer"], references=old["answer"], encoder=str(encoder))
    assert report["best_similarity"] == pytest.approx(found["cosine_similarity"], abs=1e-5)
    assert report["mean_similarity"] < report["best_similarity"]
    kept = load_corpus_split(str(tmp_path / "best"), None, "validation")
    assert kept["answer"] == load_corpus_split(str(small_corpus), None, "validation")["answer"]

    def once(*arguments: Any) -> Any:
        yield next(sample(*arguments))
        raise KeyboardInterrupt

    sample = answering.sample_in_batches
    monkeypatch.setattr(answering, "sample_in_batches", once)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "again")
    monkeypatch.setattr(answering, "sample_in_batches", sample)
    assert run(tmp_path / "again") == report
    assert contents(tmp_path / "again") == contents(tmp_path / "best")


@pytest.mark.slow
def test_sweep_records_and_chooses(
    tiny_base: Path, small_corpus: Path, encoder: Path, tmp_path: Path, stage: Callable
) -> None:
    """Two rates, then another seed at the better one, a process each; the chosen run's metrics tell of all."""
    out = tmp_path / "sweep"
    done = stage(
        *("training.sweep", "--config", REPOSITORY / "training/recipes/tiny-lora.yaml"),
        *(
            "--learning_rates",
            "1e-3,1e-2",
            "--seeds",
            "0,1",
            "--out",
            out,
            "--dataset",
            small_corpus,
            "--encoder",
            encoder,
        ),
        *("--model_name_or_path", tiny_base, "--num_train_epochs", 1),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((out / "sweep.json").read_text())
    assert [run["learning_rate"] for run in found["runs"]] == [0.001, 0.01]
    assert found["chosen"]["similarity"] == max(run["similarity"] for run in found["runs"])
    metrics = json.loads((Path(found["chosen"]["folder"]) / "metrics.json").read_text())
    assert metrics["sweep"] == found
    best, other = found["seeds"]["runs"]
    assert best == found["chosen"]
    assert (best["seed"], other["seed"], other["learning_rate"]) == (0, 1, best["learning_rate"])
    assert other["folder"] == f"{best['folder']}-seed-1"
    assert found["seeds"]["mean"] == pytest.approx((best["similarity"] + other["similarity"]) / 2)
    assert found["seeds"]["lowest"] == min(best["similarity"], other["similarity"])
    assert "Best: " in done.stdout
    assert "Seeds: similarity " in done.stdout


def test_sweep_refuses_what_is_no_rate_or_seed(tmp_path: Path) -> None:
    """And names a run that did not finish."""
    from training.sweep import _rates, _seeds

    with pytest.raises(InputError, match=r"--seeds 0,0\.5: must be whole numbers"):
        _seeds("0,0.5")
    for wrong in ("", "a,b", "1e-3,0", "1e-3,-1"):
        with pytest.raises(InputError, match="must be numbers over 0"):
            _rates(wrong)
    with pytest.raises(InputError, match=r"learning_rate-0\.001: training stopped"):
        sweep(tmp_path / "none.yaml", [1e-3], [], tmp_path / "out", [])
