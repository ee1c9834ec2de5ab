"""Read what a training run left in its folder, for its card and for publishing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eval.models import RECIPE_FILE, ModelFolder
from eval.run_metrics import RunEnvironment, RunMetrics, read_environment
from model_cards.names import Names
from model_cards.recipe import RunRecipe, read_recipe


@dataclass(frozen=True)
class TrainedRun:
    """A finished training run. `system` is the name that scores.json gives it."""

    system: str
    source: str
    path: Path
    is_adapter: bool
    metrics: RunMetrics
    environment: RunEnvironment
    recipe: RunRecipe

    def recipe_for(self, names: Names, license_id: str | None) -> RunRecipe:
        """Return the recipe with the names in `names`, so that it trains the same model elsewhere."""
        return self.recipe.changed(
            model_name_or_path=names.trained.start if self.metrics.method == "grpo" else names.base,
            dataset=names.trained.dataset,
            encoder=names.encoder,
            license=license_id,
            output_dir=f"runs/{self.path.resolve().name}",
        )


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
        recipe=read_recipe(folder.path),
    )
