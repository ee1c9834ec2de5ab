"""Read what a training run left in its folder, for its card and for publishing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from eval.models import RECIPE_FILE, ModelFolder
from eval.run_metrics import RunEnvironment, RunMetrics, read_environment
from model_cards.names import Names

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

    def _without_parents(self, key: str) -> str | None:
        """Return the name of the folder in a recipe key, if the recipe has its path on this machine."""
        folder = self.recipe.get(key)
        return Path(str(folder)).name if folder and Path(str(folder)).is_absolute() else None

    @property
    def settings(self) -> dict[str, object]:
        """Return the values of the most important settings by their titles."""
        shown = {"all-linear": "all linear layers"}
        values = {title: self.recipe[key] for key, title in SETTINGS.items() if key in self.recipe}
        return {title: shown.get(str(value), value) for title, value in values.items()}

    def recipe_for(self, names: Names, license_id: str | None) -> str:
        """Return the recipe as YAML, with the names in `names`, so that it trains the same model elsewhere."""
        changes = {
            "model_name_or_path": names.trained.start if self.metrics.adapter else names.base,
            "dataset": names.trained.dataset,
            "encoder": names.encoder,
            "license": license_id,
            "output_dir": f"runs/{self.path.resolve().name}",
            **{key: self._without_parents(key) for key in ("written_answers", "preferences", "verifier")},
        }
        changed = {**self.recipe, **{key: value for key, value in changes.items() if value is not None}}
        return yaml.safe_dump(changed, sort_keys=True, allow_unicode=True)


def read_trained_run(folder: ModelFolder, system: str) -> TrainedRun | None:
    """Return the training run in `folder`; None for a model that was not trained on this machine."""
    metrics = folder.metrics()
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
