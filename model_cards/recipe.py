"""Read the recipe that a run saved, and show its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from eval.models import RECIPE_FILE

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
ALL_LINEAR = "all-linear"


@dataclass(frozen=True)
class RunRecipe:
    """The keys of a recipe: TRL's and the project's own (see training/recipes/)."""

    keys: Mapping[str, object]

    @property
    def encoder(self) -> str | None:
        """Return the folder or Hub id of the encoder that validated the run."""
        encoder = self.keys.get("encoder")
        return str(encoder) if encoder else None

    @property
    def settings(self) -> dict[str, object]:
        """Return the values of the most important settings by their titles."""
        return {
            title: "all linear layers" if self.keys[key] == ALL_LINEAR else self.keys[key]
            for key, title in SETTINGS.items()
            if key in self.keys
        }

    def changed(self, **changes: object) -> RunRecipe:
        """Return the recipe with other values for some keys; a change to None keeps the key as it is."""
        return replace(self, keys={**self.keys, **{key: value for key, value in changes.items() if value is not None}})

    def to_yaml(self) -> str:
        """Return the recipe as YAML."""
        return yaml.safe_dump(dict(self.keys), sort_keys=True, allow_unicode=True)


def read_recipe(folder: Path) -> RunRecipe:
    """Return the recipe of the run in `folder`."""
    return RunRecipe(yaml.safe_load((folder / RECIPE_FILE).read_text(encoding="utf-8")))
