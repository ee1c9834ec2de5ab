"""Draw the training curve of one run for its card: the loss, for GRPO the reward, for DPO the margin of rewards."""

from pathlib import Path

from dataset_builder.figures import COLORS, figure
from eval.run_metrics import RunMetrics

LOSS_CURVE, REWARD_CURVE = "loss_curve.png", "reward_curve.png"


def draw_training_curve(folder: Path, metrics: RunMetrics) -> Path:
    """Draw the curve of a run into `folder` and return the PNG. It is dark on white, to be readable on a dark page."""
    rewards, preferences = metrics.reward_by_step, metrics.preference_by_step
    path = folder / (LOSS_CURVE if rewards is None and preferences is None else REWARD_CURVE)
    with figure(path, width=7) as (axes,):
        if rewards is not None:
            axes.plot([step.step for step in rewards], [step.reward for step in rewards], color=COLORS[5])
            axes.set(title="Reward of the sampled answers", xlabel="step", ylabel="mean sum of the rewards")
            return path
        if preferences is not None:
            axes.plot([step.step for step in preferences], [step.margin for step in preferences], color=COLORS[5])
            axes.set(title="Chosen against rejected answers", xlabel="step", ylabel="margin of the rewards")
            return path
        steps = metrics.loss_by_step
        axes.plot([step.epoch for step in steps], [step.loss for step in steps], color=COLORS[5], label="training")
        if validated := metrics.validation_losses:
            axes.plot(list(validated), list(validated.values()), "o", color=COLORS[1], label="validation")
        title, unit = ("Loss on the answers", "cross entropy, nats per token")
        if metrics.method == "verifier":
            title, unit = ("Loss on the answers and the places of their errors", "cross entropy, nats")
        elif metrics.loss_type == "dft":
            unit = "cross entropy times probability, nats per token"
        axes.set(title=title, xlabel="epoch", ylabel=unit)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
    return path
