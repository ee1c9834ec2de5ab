"""Write what a release is made from: runs that nobody trained, and scores, on a corpus that is built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml

from dataset_builder.formats import write_format
from dataset_builder.models.folders import find_model
from eval.analysis.scores import Scores, SystemScores
from eval.run_metrics import ENVIRONMENT_FILE, METRICS_FILE, RunEnvironment, StepPreference
from tests.eval.report.example import METRICS, SCORES
from tests.tiny import write_tiny_adapter

BASE = "somebody/tiny-base"
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
ENVIRONMENT = RunEnvironment(
    device="cpu", devices=1, threads=1, precision="float32", python="3.11", packages={}, commit="0"
)


def write_small_release(folder: Path, model: Path, dataset: str, revision: str) -> Path:
    """Write the folders tiny-dpo, tiny-lora and tiny-full, and scores.json, in which DPO is first.

    All are on a base with the weights of `model`. DPO started from the adapter tiny-lora. The runs and the scores
    name the corpus `dataset` at `revision`. The scores have the base, too, asked by its chat template.
    """
    base = Path(shutil.copytree(model, folder / "base"))
    (base / "source.json").write_text(json.dumps({"hub_id": BASE}))
    (base / "chat_template.jinja").write_text("{% for turn in messages %}{{ turn.content }}{% endfor %}")
    shutil.copytree(model, folder / "tiny-full")
    for seed, name in enumerate(("tiny-lora", "tiny-dpo")):
        write_tiny_adapter(folder / name, base, seed)
    for name in ("tiny-full", "tiny-lora", "tiny-dpo"):
        run = folder / name
        changes = {"base_model": BASE, "dataset": dataset, "dataset_revision": revision, "license": "apache-2.0"}
        if name == "tiny-dpo":
            steps = [StepPreference(step=step, margin=step / 10, accuracy=0.75) for step in (1, 2)]
            changes |= {"method": "dpo", "adapter": str(folder / "tiny-lora"), "preference_by_step": steps}
        write_format(run / METRICS_FILE, METRICS["good"].model_copy(update=changes))
        write_format(run / ENVIRONMENT_FILE, ENVIRONMENT)
        (run / "recipe.yaml").write_text(yaml.safe_dump({"model_name_or_path": str(base)}))
    write_format(folder / "scores.json", _scores(folder, dataset, revision))
    return folder


def _scores(folder: Path, dataset: str, revision: str) -> Scores:
    def system(name: str, **changes: str) -> SystemScores:
        model = str(folder / name)
        given = {"model": model, "sha256": find_model(name, model).fingerprint, **changes}
        return SCORES.systems["good"].model_copy(update=given)

    systems = {name: system(name, role="trained") for name in ("tiny-dpo", "tiny-lora", "tiny-full")}
    systems["chat"] = system("base", role="baseline", prompt="chat")
    changed = {"dataset": dataset, "revision": revision, "encoders": [ENCODER], "systems": systems}
    return SCORES.model_copy(update=changed | {"differences": {"plain": []}})
