"""Draw the training curve of one run for its card: the loss, or for DPO the margin of the rewards."""

from pathlib import Path

from dataset_builder.figures import COLORS, figure
from eval.run_metrics import RunMetrics

LOSS_CURVE, REWARD_CURVE = "loss_curve.png", "reward_curve.png"


def draw_training_curve(folder: Path, metrics: RunMetrics) -> Path:
    """Draw the curve of a run into `folder` and return the PNG. It is dark on white, to be readable on a dark page."""
    preferences = metrics.preference_by_step
    path = folder / (LOSS_CURVE if preferences is None else REWARD_CURVE)
    with figure(path, width=7) as (axes,):
        if preferences is not None:
            axes.plot([step.step for step in preferences], [step.margin for step in preferences], color=COLORS[5])
            axes.set(title="Chosen against rejected answers", xlabel="step", ylabel="margin of the rewards")
            return path
        steps = metrics.loss_by_step
        axes.plot([step.epoch for step in steps], [step.loss for step in steps], color=COLORS[5], label="training")
        if validated := metrics.validation_losses:
            axes.plot(list(validated), list(validated.values()), "o", color=COLORS[1], label="validation")
        axes.set(title="Loss on the answers", xlabel="epoch", ylabel="cross entropy, nats per token")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return path
