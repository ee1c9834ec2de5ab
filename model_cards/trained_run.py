"""Read what a training run left in its folder, for its card and for publishing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from dataset_builder.errors import InputError
from dataset_builder.models.folders import RECIPE_FILE, ModelFolder, find_model
from eval.analysis.scores import Scores
from eval.run_metrics import RunEnvironment, RunMetrics, read_environment, read_metrics_of_model
from model_cards.names import Names

# The licence id of the Hub for a card whose run names none.
UNKNOWN_LICENSE = "unknown"
# The settings that the card lists; the recipe below them has all.
SETTINGS = {
    "learning_rate": "learning rate",
    "lr_scheduler_type": "learning rate schedule",
    "warmup_steps": "warm-up steps (below 1: share of all steps)",
    "num_train_epochs": "epochs in the recipe",
    "max_steps": "steps in the recipe",
    "per_device_train_batch_size": "batch size per device",
    "gradient_accumulation_steps": "gradient accumulation steps",
    "lora_r": "LoRA rank",
    "lora_alpha": "LoRA alpha",
    "lora_target_modules": "LoRA target modules",
}


@dataclass(frozen=True)
class TrainedRun:
    """A finished training run.

    `system` is the name that scores.json gives it. `recipe` has TRL's keys and this project's (see training/recipes/).
    """

    system: str
    source: str
    path: Path
    is_adapter: bool
    metrics: RunMetrics
    environment: RunEnvironment
    recipe: Mapping[str, object]

    @property
    def encoder(self) -> str | None:
        """Return the folder or Hub id of the encoder that validated the run."""
        encoder = self.recipe.get("encoder")
        return str(encoder) if encoder else None

    @property
    def settings(self) -> dict[str, object]:
        """Return the values of the most important settings by their titles."""
        shown = {"all-linear": "all linear layers"}
        values = {title: self.recipe[key] for key, title in SETTINGS.items() if key in self.recipe}
        return {title: shown.get(str(value), value) for title, value in values.items()}

    def recipe_for(self, names: Names, license_id: str | None) -> str:
        """Return the recipe as YAML, with the names in `names`, so that it trains the same model elsewhere."""
        start = names.trained.start
        changes = {
            "model_name_or_path": start.name if start else names.base,
            "dataset": names.trained.corpus.dataset,
            "encoder": names.encoder,
            "license": None if license_id == UNKNOWN_LICENSE else license_id,
            "output_dir": f"runs/{self.path.resolve().name}",
        }
        changed = {**self.recipe, **{key: value for key, value in changes.items() if value is not None}}
        return yaml.safe_dump(changed, sort_keys=True, allow_unicode=True)


def read_trained_run(folder: ModelFolder, system: str) -> TrainedRun | None:
    """Return the training run in `folder`; None for a model that was not trained on this machine."""
    metrics = read_metrics_of_model(folder)
    # A model that was downloaded from the Hub has its card there.
    if metrics is None or not (folder.path / RECIPE_FILE).is_file():
        return None
    return TrainedRun(
        system=system,
        source=folder.given,
        path=folder.path,
        is_adapter=folder.base is not None,
        metrics=metrics,
        environment=read_environment(folder.path),
        recipe=yaml.safe_load((folder.path / RECIPE_FILE).read_text(encoding="utf-8")),
    )


def scored_runs(scores: Scores, scores_path: Path) -> Iterator[TrainedRun]:
    """Yield the run of each model that was trained on this machine and asked as its card does.

    Raises `InputError` for a model that the scores do not name, or that has changed since it was scored.
    """
    for name, system in scores.systems.items():
        if system.served_model:
            continue
        if system.model is None:
            problem = f"does not say where the model of {name} is; give scores.json of this machine"
            raise InputError(f"{scores_path}: {problem}")
        folder = find_model(name, system.model)
        if folder.fingerprint != system.sha256:
            raise InputError(f"{scores_path}: {system.model} has changed since {name} was scored; evaluate it again")
        run = read_trained_run(folder, name) if system.is_asked_as_published else None
        if run is not None:
            yield run
