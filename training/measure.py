"""What a run measures of itself: seconds, tokens, loss by step and epoch."""

from __future__ import annotations

import math
import time
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState, TrainerControl, TrainerState
from transformers.training_args import TrainingArguments


class Stopwatch(TrainerCallback, ExportableState):
    """Counts the seconds of training steps, over every part of a run that was broken off and resumed.

    Validation and saving are left out. The count goes into each checkpoint as the trainer's other state does.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._started: float | None = None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of this callback."""
        return {"args": {"seconds": self.seconds}, "attributes": {}}

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start counting."""
        self._started = time.perf_counter()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop counting."""
        self.seconds += time.perf_counter() - self._started


class ValidationAtEpochEnd(TrainerCallback):
    """Validates with the last step of each epoch, so that a checkpoint saved at that step holds the result.

    The trainer's own eval_strategy "epoch" validates after that checkpoint: a run that goes on from it has lost it.
    """

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask for validation where an epoch, or the run, ends."""
        if state.epoch == round(state.epoch) or state.global_step >= state.max_steps:
            control.should_evaluate = True


def losses(log_history: list[dict[str, float]]) -> tuple[list[dict[str, float]], list[dict[str, float | None]]]:
    """Return the loss by logged step and by epoch from the trainer's log.

    By step: `step`, `epoch`, `loss` (mean cross entropy in nats a token of the answers since the step logged before).
    By epoch: `epoch`, `train_loss` (the mean of its logged steps) and `validation_loss` (None without validation); the
    last epoch may be part of one.
    """
    by_step = [{key: log[key] for key in ("step", "epoch", "loss")} for log in log_history if "loss" in log]
    validation = {math.ceil(log["epoch"]): log["eval_loss"] for log in log_history if "eval_loss" in log}
    by_epoch = []
    last_epoch = max((step["epoch"] for step in by_step), default=0)
    for epoch in range(1, math.ceil(last_epoch) + 1):
        of_epoch = [step["loss"] for step in by_step if epoch - 1 < step["epoch"] <= epoch]
        if of_epoch:
            mean = sum(of_epoch) / len(of_epoch)
            by_epoch.append({"epoch": epoch, "train_loss": mean, "validation_loss": validation.get(epoch)})
    return by_step, by_epoch
