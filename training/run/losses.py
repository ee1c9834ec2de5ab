"""Summarize the trainer's log: the loss by step and by epoch, and the epoch whose weights are kept."""

from __future__ import annotations

import math

from eval.run_metrics import ChosenEpoch, EpochLoss, StepLoss, ValidationScore

# The trainer's log: one dict for each logging step and each validation, with keys that transformers defines.
Log = list[dict[str, float]]

# An epoch counts as converged if its loss is at most this part above the lowest.
CONVERGED_WITHIN = 0.01


def step_losses(log: Log) -> list[StepLoss]:
    """Return the loss of each logged step."""
    return [
        StepLoss(step=int(entry["step"]), epoch=entry["epoch"], loss=entry["loss"]) for entry in log if "loss" in entry
    ]


def epoch_losses(log: Log) -> list[EpochLoss]:
    """Return the losses of each epoch. The last epoch may be incomplete."""
    steps = step_losses(log)
    loss, similarity = (
        {math.ceil(entry["epoch"]): entry[key] for entry in log if key in entry}
        for key in ("eval_loss", "eval_similarity")
    )
    epochs = []
    for epoch in range(1, math.ceil(max((step.epoch for step in steps), default=0)) + 1):
        in_epoch = [step.loss for step in steps if epoch - 1 < step.epoch <= epoch]
        if in_epoch:
            epochs.append(
                EpochLoss(
                    epoch=epoch,
                    train_loss=sum(in_epoch) / len(in_epoch),
                    validation_loss=loss.get(epoch),
                    validation_similarity=similarity.get(epoch),
                )
            )
    return epochs


def validation_before(log: Log) -> ValidationScore:
    """Return the validation scores of the model before its first step."""
    before = {key: value for entry in log if entry.get("epoch") == 0 for key, value in entry.items()}
    return ValidationScore(loss=before.get("eval_loss"), similarity=before.get("eval_similarity"))


def convergence_epoch(epochs: list[EpochLoss]) -> int | None:
    """Return the first epoch with a validation loss within one per cent of the lowest; None without validation."""
    losses = {epoch.epoch: epoch.validation_loss for epoch in epochs if epoch.validation_loss is not None}
    if not losses:
        return None
    limit = min(losses.values()) * (1 + CONVERGED_WITHIN)
    return next(epoch for epoch, loss in losses.items() if loss <= limit)


def chosen_epoch(epochs: list[EpochLoss]) -> ChosenEpoch:
    """Return the epoch whose weights are saved: the first with the highest similarity, or without any the last."""
    if not epochs:
        return ChosenEpoch(epoch=None, loss=None, similarity=None)
    scored = [epoch for epoch in epochs if epoch.validation_similarity is not None]
    chosen = max(scored, key=lambda epoch: epoch.validation_similarity or 0.0) if scored else epochs[-1]
    return ChosenEpoch(epoch=chosen.epoch, loss=chosen.validation_loss, similarity=chosen.validation_similarity)
