"""The study's figures drawn anew: training loss, similarity by year and model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.figures import COLORS, figure


def draw_training_loss(folder: Path, metrics: dict[str, dict[str, Any]]) -> None:
    """Draw the loss of each trained model over the epochs: each logged step, and the validation loss as points.

    `metrics` holds the content of metrics.json by model; without a trained model nothing is drawn.
    """
    if not metrics:
        return
    with figure(folder / "training_loss", width=7) as (axes,):
        for color, (name, measured) in zip(COLORS[1:], metrics.items(), strict=False):
            steps = measured["loss_by_step"]
            axes.plot([step["epoch"] for step in steps], [step["loss"] for step in steps], color=color, label=name)
            epochs = [epoch for epoch in measured["loss_by_epoch"] if epoch.get("validation_loss") is not None]
            if epochs:
                axes.plot(
                    [epoch["epoch"] for epoch in epochs],
                    [epoch["validation_loss"] for epoch in epochs],
                    "o",
                    color=color,
                    label=f"{name}, validation",
                )
        axes.set(title="Loss on the answers", xlabel="epoch", ylabel="cross entropy, nats a token")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)


def draw_similarity_by_year(folder: Path, scores: dict[str, Any]) -> None:
    """Draw each model's mean similarity by year with its 95 % interval, one panel a config."""
    models = scores["models"]
    configs = list(dict.fromkeys(config for of_model in models.values() for config in of_model))
    with figure(folder / "similarity_by_year", width=4.5 * len(configs), panels=len(configs)) as panels:
        for axes, config in zip(panels, configs, strict=True):
            width = 0.8 / len(models)
            for position, (name, of_model) in enumerate(models.items()):
                by_year = of_model[config]["cosine_similarity"]["by_year"]
                places = [index + (position - (len(models) - 1) / 2) * width for index in range(len(by_year))]
                heights = [year["mean"] for year in by_year.values()]
                bars = axes.bar(places, heights, width=width * 0.92, color=COLORS[position % len(COLORS)], label=name)
                axes.bar_label(bars, fmt="%.2f", fontsize=7, label_type="center")
                known = [(place, year) for place, year in zip(places, by_year.values(), strict=True) if "low" in year]
                spans = [
                    [year["mean"] - year["low"] for _, year in known],
                    [year["high"] - year["mean"] for _, year in known],
                ]
                means = [year["mean"] for _, year in known]
                axes.errorbar([place for place, _ in known], means, spans, fmt="none", ecolor="0.25", elinewidth=0.8)
            axes.set_xticks(range(len(by_year)), [f"{year}\n{of['n']} questions" for year, of in by_year.items()])
            axes.set(title=f"Test written by {config}", ylim=(0, 1))
        panels[0].set_ylabel("mean cosine similarity")
        panels[0].legend(frameon=False, ncols=min(3, len(models)), loc="upper left")
