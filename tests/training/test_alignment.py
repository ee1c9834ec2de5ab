"""Alignment on the tiny model: GRPO, best of n, a sweep of learning rates."""

from __future__ import annotations

import json
import re
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.errors import InputError
from dataset_builder.formats import read_format, write_format
from dataset_builder.models.folders import METRICS_FILE
from eval.generation import answers as answering
from eval.run_metrics import AnswerSampling, SampledAnswers, SweepSummary, read_run_metrics, read_sampled_answers
from tests.conftest import REPOSITORY, contents
from training import align, sft, sweep
from training.alignment.candidates import RankedSamples
from training.alignment.rewards import measure_rewards
from training.best_of_n import best_of_n
from training.run.start_model import find_start_model


def _align(adapter: Path, corpus: Path, encoder: Path, out: Path, *more: object) -> None:
    recipe = REPOSITORY / "tests/recipes/tiny-grpo.yaml"
    words = ["--config", recipe, "--model_name_or_path", adapter, "--dataset", corpus, "--encoder", encoder]
    align.main([str(word) for word in (*words, "--output_dir", out, "--disable_tqdm", "true", *more)])


def test_grpo_trains_the_adapter_only(
    adapter: Path,
    ending_base: Path,
    small_corpus: Path,
    encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two steps: the run folder of an adapter on the same base; the one it started from is as it was.

    Each reward is normalized before they are added.
    """
    from safetensors.torch import load_file
    from trl.trainer.grpo_trainer import GRPOTrainer

    aggregations, init = [], GRPOTrainer.__init__

    def record(self: GRPOTrainer, *given: Any, args: Any, **more: Any) -> None:
        aggregations.append(args.multi_objective_aggregation)
        init(self, *given, args=args, **more)

    monkeypatch.setattr(GRPOTrainer, "__init__", record)
    before = contents(adapter)
    _align(adapter, small_corpus, encoder, tmp_path / "run", "--max_steps", 2)
    assert contents(adapter) == before
    assert aggregations == ["normalize_then_sum"]
    out = tmp_path / "run"
    assert not [path for path in out.iterdir() if path.is_dir() or path.suffix in (".bin", ".pt")]
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == str(ending_base)
    old, new = (load_file(folder / "adapter_model.safetensors") for folder in (adapter, out))
    assert old.keys() == new.keys()
    assert any(not old[name].equal(new[name]) for name in old)
    metrics = read_run_metrics(out)
    assert metrics.method == "grpo"
    assert metrics.adapter == str(adapter)
    assert metrics.dataset_revision == corpus_revision(str(small_corpus))
    assert [step.step for step in metrics.reward_by_step or []] == [1, 2]
    assert metrics.trainable_parameters == sum(tensor.numel() for tensor in new.values())
    assert metrics.tokens_per_second > 0
    assert 0 < abs(metrics.validation.similarity - metrics.validation_before.similarity) < 1


def test_grpo_resumes_from_its_checkpoint(
    adapter: Path, three_papers: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two epochs of three steps, interrupted in the second one: the adapter of an unbroken run, up to rounding.

    The untrained adapter is not scored again, and the metrics have all steps.
    """
    from safetensors.torch import load_file

    from training.run.stopwatch import Stopwatch
    from training.validation import ValidationAnswers

    begin, similarity = Stopwatch.on_step_begin, ValidationAnswers.similarity
    scored: list[float] = []

    def interrupted(self: Any, args: Any, state: Any, *more: Any, **kwargs: Any) -> None:
        if state.global_step == 4:
            raise KeyboardInterrupt
        begin(self, args, state, *more, **kwargs)

    def counted(self: Any, model: Any) -> float:
        scored.append(similarity(self, model))
        return scored[-1]

    monkeypatch.setattr(ValidationAnswers, "similarity", counted)
    monkeypatch.setattr(Stopwatch, "on_step_begin", interrupted)
    keys = ("--num_train_epochs", 2, "--save_steps", 1)
    words = (adapter, three_papers, encoder, tmp_path / "run", *keys)
    with pytest.raises(KeyboardInterrupt, match=r"the same command resumes from .*checkpoint-4"):
        _align(*words)
    monkeypatch.setattr(Stopwatch, "on_step_begin", begin)
    _align(*words)
    metrics = read_run_metrics(tmp_path / "run")
    assert [metrics.validation_before.similarity, metrics.validation.similarity] == scored
    assert [step.step for step in metrics.reward_by_step or []] == [1, 2, 3, 4, 5, 6]
    assert not list((tmp_path / "run").glob("checkpoint-*"))
    _align(adapter, three_papers, encoder, tmp_path / "unbroken", *keys)
    one, other = (load_file(tmp_path / run / "adapter_model.safetensors") for run in ("run", "unbroken"))
    # A step changes a weight by up to the learning rate, 1e-3.
    assert one.keys() == other.keys()
    assert max((one[name] - other[name]).abs().max().item() for name in one) < 1e-5


def test_training_from_a_revision_is_refused() -> None:
    """The trainers load the newest commit of a model only; nothing is downloaded."""
    with pytest.raises(InputError, match=r"ORG/NAME@v1': the libraries .*; download that revision, and give"):
        find_start_model("ORG/NAME@v1")


def test_grpo_needs_an_adapter(tiny_base: Path, small_corpus: Path, encoder: Path, tmp_path: Path) -> None:
    """A whole model is refused before anything is written."""
    with pytest.raises(InputError, match="is not a LoRA adapter, from which alignment starts"):
        _align(tiny_base, small_corpus, encoder, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_best_of_n_keeps_the_best_and_resumes(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corpus of the same questions with a rejected answer to each.

    Interrupted after the first, it ends in the same answers. A finished corpus is not sampled again.
    """
    from eval.answer_similarity.answer_similarity import AnswerSimilarity

    def run(out: Path) -> SampledAnswers:
        sampling = AnswerSampling(samples=3, temperature=0.8, seed=0)
        return best_of_n(str(adapter), str(small_corpus), out, sampling, str(encoder), batch_size=1)

    report = run(tmp_path / "best")
    assert read_sampled_answers(tmp_path / "best") == report
    assert read_sampled_answers(small_corpus) is None
    old, new = (load_corpus_split(str(folder), None, "train") for folder in (small_corpus, tmp_path / "best"))
    assert new["question"] == old["question"]
    assert new["paper_id"] == old["paper_id"]
    found = AnswerSimilarity().compute(predictions=new["answer"], references=old["answer"], encoder=str(encoder))
    assert report.best_similarity == pytest.approx(found["cosine_similarity"], abs=1e-5)
    assert (report.pairs, report.preferences, report.measures) == (2, 2, ["similarity", "numbers", "length"])
    assert all(best != worst for best, worst in zip(new["answer"], new["rejected"], strict=True))
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
    monkeypatch.setattr(answering, "sample_in_batches", once)
    assert run(tmp_path / "best") == report
    # An earlier version could choose an answer that was cut.
    write_format(tmp_path / "best/samples.json", report.model_copy(update={"cut_answers_left_out": False}))
    with pytest.raises(InputError, match="best: its answers are of an earlier version, which kept answers that were"):
        run(tmp_path / "best")


def test_answers_that_are_all_cut_are_refused(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to train on; the folder is not a corpus."""
    monkeypatch.setattr(
        "training.alignment.candidates.choose_samples",
        lambda number, *given: RankedSamples(number, None, None, None, 0.5),
    )
    sampling = AnswerSampling(samples=2, temperature=0.8, seed=0)
    with pytest.raises(InputError, match="every sampled answer is empty or was cut at the largest number of tokens"):
        best_of_n(str(adapter), str(small_corpus), tmp_path / "best", sampling, str(encoder))
    assert not (tmp_path / "best/README.md").exists()


def test_best_of_n_ranks_by_a_verifier_too(
    adapter: Path, small_corpus: Path, encoder: Path, verifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its support is one of the measures. Here it is the only one, and supports short answers."""
    from dataset_builder.verification.load import find_verifier
    from dataset_builder.verification.verifier import Verifier

    scored: list[tuple[str, str, str]] = []

    def score_all(self: Verifier, items: Any, hidden: bool = False) -> list[float]:
        scored.extend(items)
        return [1.0 / (1 + len(answer)) for _, _, answer in items]

    monkeypatch.setattr(Verifier, "score_all", score_all)
    monkeypatch.setattr("training.alignment.ranking.measure_rewards", lambda *given: measure_rewards(*given)[-1:])
    sampling, out = AnswerSampling(samples=3, temperature=0.8, seed=0), tmp_path / "best"
    report = best_of_n(str(adapter), str(small_corpus), out, sampling, str(encoder), verifier=str(verifier))
    assert report.measures == ["similarity", "numbers", "length", "support"]
    assert report.verifier_sha256 == find_verifier("--verifier", str(verifier)).folder.fingerprint
    rows = load_corpus_split(str(out), None, "train")
    for row in rows:
        sampled = [answer for context, question, answer in scored if question == row["question"]]
        assert len(sampled) == 3
        assert {row["answer"], row["rejected"]} < set(sampled)
        assert len(row["answer"]) < len(row["rejected"])
        assert row["context"] in {context for context, question, _ in scored if question == row["question"]}


def test_samples_are_not_read_from_the_cache_of_other_ones(
    adapter: Path, small_corpus: Path, encoder: Path, tmp_path: Path
) -> None:
    """The library `datasets` caches the rows of a folder by its name. Finished answers are not overwritten."""

    def answers(seed: int) -> list[str]:
        sampling = AnswerSampling(samples=1, temperature=0.8, seed=seed)
        best_of_n(str(adapter), str(small_corpus), tmp_path / "best", sampling, str(encoder))
        return list(load_corpus_split(str(tmp_path / "best"), None, "train")["answer"])

    first = answers(0)
    before = contents(tmp_path / "best")
    with pytest.raises(InputError, match=r"finished answers of another run \(it differs in sampling\)"):
        answers(1)
    assert contents(tmp_path / "best") == before
    shutil.rmtree(tmp_path / "best")
    assert answers(1) != first


@pytest.mark.parametrize("command", ["sft", "align", "best_of_n"])
def test_corpus_is_loaded_at_the_recorded_revision(
    command: str, adapter: Path, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    monkeypatch.setattr("dataset_builder.models.folders.find_encoder", lambda option, given: None)
    recipe = REPOSITORY / f"tests/recipes/tiny-{'grpo' if command == 'align' else 'full'}.yaml"
    words = ["--config", recipe, "--dataset", "org/corpus", "--dataset_revision", "v1", "--output_dir", tmp_path / "o"]
    with pytest.raises(InputError, match="far enough"):
        if command == "best_of_n":
            sampling = AnswerSampling(samples=2, temperature=1.0, seed=0)
            best_of_n(str(tiny_base), "org/corpus", tmp_path / "o", sampling, "", dataset_revision="v1")
        else:
            base = adapter if command == "align" else tiny_base
            {"sft": sft, "align": align}[command].main([str(word) for word in (*words, "--model_name_or_path", base)])
    assert calls == [("revision", "v1"), ("train", "commit"), ("validation", "commit")]


@pytest.mark.slow
def test_sweep_records_and_chooses(
    tiny_base: Path, small_corpus: Path, encoder: Path, tmp_path: Path, stage: Callable
) -> None:
    """Two rates, then another seed at the better one, a process each; the chosen run's metrics have the summary."""
    out = tmp_path / "sweep"
    words = [
        *("training.sweep", "--config", REPOSITORY / "tests/recipes/tiny-lora.yaml"),
        *("--learning-rates", "1e-3", "1e-2", "--seeds", "0", "1", "--out", out),
        *("--dataset", small_corpus, "--encoder", encoder, "--model_name_or_path", tiny_base, "--num_train_epochs", 1),
    ]
    done = stage(*words)
    assert done.returncode == 0, done.stderr
    summary = read_format(SweepSummary, out / "sweep.json", "")
    assert [run.learning_rate for run in summary.runs] == [0.001, 0.01]
    assert summary.chosen is not None
    assert summary.chosen.similarity == max(run.similarity for run in summary.runs)
    assert read_run_metrics(Path(summary.chosen.folder)).sweep == summary
    best, other = summary.seeds.runs
    assert best == summary.chosen
    assert (best.seed, other.seed, other.learning_rate) == (0, 1, best.learning_rate)
    assert other.folder == f"{best.folder}-seed-1"
    assert summary.seeds.mean == pytest.approx((best.similarity + other.similarity) / 2)
    assert summary.seeds.lowest == min(best.similarity, other.similarity)
    assert "Best: " in done.stdout
    assert "Seeds: similarity " in done.stdout

    # A run that an earlier sweep chose loses the summary of that sweep.
    [loser] = [Path(run.folder) for run in summary.runs if run != summary.chosen]
    metrics = read_run_metrics(loser)
    assert metrics.sweep is None
    write_format(loser / METRICS_FILE, metrics.model_copy(update=dict(sweep=summary)))
    again = stage(*words)
    assert again.returncode == 0, again.stderr
    assert read_run_metrics(loser).sweep is None
    assert read_run_metrics(Path(summary.chosen.folder)).sweep == summary


def test_sweep_refuses_wrong_input(tmp_path: Path) -> None:
    """A rate of 0, a key of its own, nothing to compare or to choose by; it names a run that did not finish."""
    (tmp_path / "recipe.yaml").write_text("seed: 0\n")

    def refused(message: str, **changes: Any) -> None:
        given = {"config": tmp_path / "recipe.yaml", "learning_rates": [1e-3], "seeds": [], "out": tmp_path / "out"}
        with pytest.raises(InputError, match=message):
            sweep.run_command(Namespace(**given | {"recipe_keys": [], "verbose": False} | changes))

    refused(r"--learning-rates 0: must be greater than 0", learning_rates=[1e-3, 0.0])
    refused(r"a sweep needs --learning-rates or --seeds", learning_rates=[])
    refused(r"--learning_rate: each run of a sweep has its own", recipe_keys=["--learning-rate=1"])
    refused(r"none\.yaml: cannot be read as YAML", config=tmp_path / "none.yaml")
    refused(r"recipe\.yaml: has no output_dir; pass --out", out=None)
    for words in (["--validation_questions", "0"], ["--validation_questions=0"]):
        refused(r"validation_questions 0: a sweep chooses by the validation answers", recipe_keys=words)
    refused(r"learning_rate-0\.001: training stopped")


def test_stages_are_commands_of_the_package(stage: Callable) -> None:
    """Help names the stages and one example each; a wrong value and an unknown option end with exit code 2."""
    done = stage("training", "--help")
    assert done.returncode == 0
    assert all(re.search(rf"\n    {name}\s", done.stdout) for name in ("sft", "align", "sweep", "best_of_n", "ledger"))
    assert "exit codes:\n  0  done\n" in done.stdout
    done = stage("training", "sft", "--help")
    assert "--validation_questions: " in done.stdout
    assert "--config FILE" in done.stdout
    assert done.stdout.index("--dataset: ") < done.stdout.index("--lora_r, ")
    assert len(done.stdout.splitlines()) < 50
    assert "example:\n  python -m training.sft --config " in done.stdout
    done = stage("training", "sweep", "--config", "recipe.yaml", "--seeds", "0", "0.5")
    assert (done.returncode, "invalid int value: '0.5'" in done.stderr) == (2, True)
    done = stage("training", "best_of_n", "--model", "m", "--dataset", "d", "--out", "o", "--seeds", "1")
    assert (done.returncode, "unrecognized arguments: --seeds 1" in done.stderr) == (2, True)
    done = stage("training", "sft", "--learning_rat", "1")
    assert (done.returncode, "the nearest is 'learning_rate'" in done.stderr) == (2, True)
