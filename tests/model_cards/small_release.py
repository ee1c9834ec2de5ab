"""Write what a release is made from: runs that nobody trained, a verifier, and scores, on a corpus that is built."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import yaml
from safetensors.numpy import save_file

from dataset_builder.formats import write_format
from dataset_builder.model_folders import find_model
from dataset_builder.verification.report import KindFigures, SplitFigures, VerifierReport, write_verifier_report
from eval.analysis.scores import Scores
from eval.run_metrics import ENVIRONMENT_FILE, METRICS_FILE, RunEnvironment, StepReward
from tests.eval.report.example import METRICS, SCORES

BASE = "somebody/tiny-base"
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
ENVIRONMENT = RunEnvironment(device="cpu", devices=1, threads=1, precision="float32", python="3.11", packages={})


def write_small_release(folder: Path, dataset: str, revision: str) -> Path:
    """Write the folders tiny-grpo, tiny-lora, tiny-full and verifier, and scores.json, in which GRPO is first.

    GRPO started from the adapter tiny-lora. The runs and the scores name the corpus `dataset` at `revision`.
    """
    _write_weights(folder / "base", "model.safetensors", {"model_type": "gpt2"})
    for name in ("tiny-full", "tiny-lora", "tiny-grpo", "verifier"):
        run = folder / name
        if name == "tiny-full":
            _write_weights(run, "model.safetensors", {"model_type": "gpt2"})
        else:
            _write_weights(run, "adapter_model.safetensors", {"base_model_name_or_path": str(folder / "base")})
        changes = {"base_model": BASE, "dataset": dataset, "dataset_revision": revision, "license": "apache-2.0"}
        if name == "verifier":
            changes |= {"method": "verifier"}
        if name == "tiny-grpo":
            changes |= {"method": "grpo", "adapter": str(folder / "tiny-lora"), "loss_by_epoch": []}
            changes |= {"reward_by_step": [StepReward(step=1, reward=0.1), StepReward(step=2, reward=0.2)]}
        write_format(run / METRICS_FILE, METRICS["good"].model_copy(update=changes))
        write_format(run / ENVIRONMENT_FILE, ENVIRONMENT)
        (run / "recipe.yaml").write_text(yaml.safe_dump({"model_name_or_path": str(folder / "base")}))
    figures = KindFigures(precision=0.5, recall=0.5, unsupported=2, auroc=0.875)
    split = SplitFigures(papers=1, supported=2, all_kinds=figures, by_kind={"unit": figures})
    report = VerifierReport(
        threshold=0.5,
        max_tokens=512,
        left_out=[],
        train_examples=4,
        train_written_answers=0,
        validation=split,
        written=None,
        test=split,
        baselines={},
    )
    write_verifier_report(folder / "verifier", report)
    write_format(folder / "scores.json", _scores(folder, dataset, revision))
    return folder


def _write_weights(folder: Path, name: str, config: dict[str, str]) -> None:
    """Write a model folder with weights of one number; the numbers differ, and so the fingerprints."""
    folder.mkdir(parents=True)
    save_file({"weight": np.array([len(folder.name)], dtype=np.float32)}, folder / name)
    config_file = "adapter_config.json" if name.startswith("adapter") else "config.json"
    (folder / config_file).write_text(json.dumps(config))


def _scores(folder: Path, dataset: str, revision: str) -> Scores:
    systems = {}
    for name in ("tiny-grpo", "tiny-lora", "tiny-full"):
        model = folder / name
        changes = {"model": str(model), "sha256": find_model(name, str(model)).fingerprint, "role": "trained"}
        systems[name] = SCORES.systems["good"].model_copy(update=changes)
    changed = {"dataset": dataset, "revision": revision, "encoders": [ENCODER], "systems": systems}
    return SCORES.model_copy(update=changed | {"differences": {"plain": []}})
