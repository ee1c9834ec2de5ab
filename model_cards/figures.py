"""Draw the training curve of one run for its card: the loss, or for GRPO the reward."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.figures import COLORS, figure
from eval.run_metrics import RunMetrics

LOSS_CURVE, REWARD_CURVE = "loss_curve.png", "reward_curve.png"


def draw_training_curve(folder: Path, metrics: RunMetrics) -> Path:
    """Draw the curve of a run into `folder` and return the PNG. It is dark on white, to be readable on a dark page."""
    return _draw_reward(folder, metrics) if metrics.method == "grpo" else _draw_loss(folder, metrics)


def _draw_loss(folder: Path, metrics: RunMetrics) -> Path:
    path = folder / LOSS_CURVE
    steps = metrics.loss_by_step
    # If a run ends within an epoch, that epoch was validated at the last step.
    validated = {
        min(epoch.epoch, steps[-1].epoch): epoch.validation_loss
        for epoch in metrics.loss_by_epoch
        if epoch.validation_loss is not None
    }
    with figure(path, width=7) as (axes,):
        axes.plot([step.epoch for step in steps], [step.loss for step in steps], color=COLORS[5], label="training")
        if validated:
            axes.plot(list(validated), list(validated.values()), "o", color=COLORS[1], label="validation")
        axes.set(title="Loss on the answers", xlabel="epoch", ylabel="cross entropy, nats per token")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return path


def _draw_reward(folder: Path, metrics: RunMetrics) -> Path:
    path = folder / REWARD_CURVE
    steps = metrics.reward_by_step or []
    with figure(path, width=7) as (axes,):
        axes.plot([step.step for step in steps], [step.reward for step in steps], color=COLORS[5])
        axes.set(title="Reward of the sampled answers", xlabel="step", ylabel="similarity, less penalties")
    return path
