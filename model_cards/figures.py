"""The curve of one run, for its card: its loss, or for GRPO its reward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.figures import COLORS, figure

LOSS_CURVE, REWARD_CURVE = "loss_curve.png", "reward_curve.png"


def draw_training_curve(folder: Path, metrics: dict[str, Any]) -> Path:
    """Draw the loss by step over the epochs with the validation loss as points, or GRPO's reward; return the PNG.

    It is dark on white, so that it can be read on a dark page, too.
    """
    return _draw_reward(folder, metrics) if metrics["method"] == "grpo" else _draw_loss(folder, metrics)


def _draw_loss(folder: Path, metrics: dict[str, Any]) -> Path:
    path = folder / LOSS_CURVE
    steps = metrics["loss_by_step"]
    epochs = [epoch for epoch in metrics["loss_by_epoch"] if epoch["validation_loss"] is not None]
    with figure(path, width=7) as (axes,):
        axes.plot(
            [step["epoch"] for step in steps], [step["loss"] for step in steps], color=COLORS[5], label="training"
        )
        if epochs:
            ends = [min(epoch["epoch"], steps[-1]["epoch"]) for epoch in epochs]
            losses = [epoch["validation_loss"] for epoch in epochs]
            axes.plot(ends, losses, "o", color=COLORS[1], label="validation")
        axes.set(title="Loss on the answers", xlabel="epoch", ylabel="cross entropy, nats a token")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return path


def _draw_reward(folder: Path, metrics: dict[str, Any]) -> Path:
    path = folder / REWARD_CURVE
    steps = metrics["reward_by_step"]
    with figure(path, width=7) as (axes,):
        axes.plot([step["step"] for step in steps], [step["reward"] for step in steps], color=COLORS[5])
        axes.set(title="Reward of the sampled answers", xlabel="step", ylabel="similarity, less prices")
    return path
