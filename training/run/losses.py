"""What a run measures of itself: seconds, tokens, energy, use of the GPU, loss by step and epoch."""

from __future__ import annotations

import math
import time
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState, ProgressCallback, TrainerControl, TrainerState
from transformers.training_args import TrainingArguments

from dataset_builder.hardware import peak_memory_bytes
from training.energy import EnergyMeter

# An epoch whose loss is within this part of the lowest counts as converged.
CONVERGED_WITHIN = 0.01


def clock() -> float:
    """Return the time in seconds, once the GPU, where there is one, has done all that it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


class Stopwatch(TrainerCallback, ExportableState):
    """Measures the training steps, over every part of a run that was broken off and resumed.

    Validation and saving are left out of the seconds and, on a GPU, of the peak of memory; on a CPU the process's peak
    is told. The energy is that of the whole time to the end of the last step, validation on the way included: to ask a
    GPU for its power at each step would take longer than the step. The counts go into each checkpoint as the trainer's
    other state.
    """

    def __init__(self, seconds: float = 0.0, joules: float | None = 0.0, peak_memory_bytes: int = 0) -> None:
        self.seconds = seconds
        self.peak_memory_bytes = peak_memory_bytes
        self._joules_before = joules
        self._meter = EnergyMeter()
        self._started: float | None = None

    @property
    def joules(self) -> float | None:
        """Return the energy of the machine's processors and GPUs; None where it cannot be read."""
        if self._joules_before is None or self._meter.joules is None:
            return None
        return self._joules_before + self._meter.joules

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of this callback."""
        measured = {"seconds": self.seconds, "joules": self.joules, "peak_memory_bytes": self.peak_memory_bytes}
        return {"args": measured, "attributes": {}}

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start counting."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._started = clock()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop counting."""
        self.seconds += clock() - self._started
        self.peak_memory_bytes = max(self.peak_memory_bytes, peak_memory_bytes())
        self._meter.read(at_once=state.global_step >= state.max_steps)


class ProgressLine(ProgressCallback):
    """The progress bar with the loss and the speed behind it, and on a GPU the model's use of its matrix units."""

    def __init__(self, flops_per_token: float, peak_flops: float | None) -> None:
        super().__init__()
        self.flops_per_token = flops_per_token
        self.peak_flops = peak_flops
        self._started = 0.0
        self._seconds = 0.0  # of steps since the last line
        self._tokens = 0.0  # up to the last line; TRL counts them anew in a resumed run

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start counting."""
        self._started = clock()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop counting."""
        super().on_step_end(args, state, control, **kwargs)
        self._seconds += clock() - self._started

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show the last logged step behind the bar; what is no step, on a line of its own."""
        if self.training_bar is None:
            return
        if "loss" not in logs:
            super().on_log(args, state, control, logs=logs, **kwargs)
            return
        speed = (logs["num_tokens"] - self._tokens) / self._seconds
        self._seconds, self._tokens = 0.0, logs["num_tokens"]
        shown = {"loss": f"{logs['loss']:.3f}", "tokens/s": f"{speed:,.0f}"}
        if self.peak_flops:
            shown["MFU"] = f"{speed * self.flops_per_token / self.peak_flops:.1%}"
        self.training_bar.set_postfix(shown)


def flops_per_token(model: Any) -> float:
    """Return the floating point operations of a training step a token, by the weights that multiply it.

    Two forward and two for the gradient of the activations a weight, and two more a weight that is trained (Kaplan et
    al. 2020, section 2.1). Embeddings, the head, which works on the answers alone, and attention scores are left out,
    so that the use of the hardware is rather told too low.
    """
    import torch

    tables = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    left_out = {id(p) for module in (*tables, model.get_output_embeddings()) for p in module.parameters()}
    multiplied = [p for p in model.parameters() if p.dim() == 2 and id(p) not in left_out]
    return float(sum((6 if p.requires_grad else 4) * p.numel() for p in multiplied))


def peak_flops(bf16: bool) -> float | None:
    """Return the matrix operations a second that the GPUs of this run could do; None on a CPU or an unknown GPU.

    Autocast to bfloat16 is counted against the bfloat16 peak; without it no peak is known.
    """
    import os

    import torch
    from trl.trainer.utils import get_peak_flops

    if not torch.cuda.is_available() or not bf16:
        return None
    of_one = get_peak_flops(torch.cuda.get_device_name(), "bfloat16")
    return of_one and of_one * int(os.environ.get("WORLD_SIZE", "1"))


class ValidationAtEpochEnd(TrainerCallback):
    """Validates with the last step of each epoch and saves, so that a checkpoint of that step holds the result.

    The trainer's own eval_strategy "epoch" validates after that checkpoint: a run that goes on from it has lost it.
    """

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask for validation where an epoch, or the run, ends."""
        if state.epoch == round(state.epoch) or state.global_step >= state.max_steps:
            control.should_evaluate = True
            control.should_save = args.save_strategy != "no"


def losses(log_history: list[dict[str, float]]) -> tuple[list[dict[str, float]], list[dict[str, float | None]]]:
    """Return the loss by logged step and by epoch from the trainer's log.

    By step: `step`, `epoch`, `loss` (mean cross entropy in nats a token of the answers since the step logged before).
    By epoch: `epoch`, `train_loss` (the mean of its logged steps), `validation_loss` and `validation_similarity` (None
    where they were not measured); the last epoch may be part of one.
    """
    by_step = [{key: log[key] for key in ("step", "epoch", "loss")} for log in log_history if "loss" in log]
    validation, similarity = (
        {math.ceil(log["epoch"]): log[key] for log in log_history if key in log}
        for key in ("eval_loss", "eval_similarity")
    )
    by_epoch = []
    last_epoch = max((step["epoch"] for step in by_step), default=0)
    for epoch in range(1, math.ceil(last_epoch) + 1):
        of_epoch = [step["loss"] for step in by_step if epoch - 1 < step["epoch"] <= epoch]
        if of_epoch:
            by_epoch.append(
                {
                    "epoch": epoch,
                    "train_loss": sum(of_epoch) / len(of_epoch),
                    "validation_loss": validation.get(epoch),
                    "validation_similarity": similarity.get(epoch),
                }
            )
    return by_step, by_epoch


def validation_before(log_history: list[dict[str, float]]) -> dict[str, float | None]:
    """Return `loss` and `similarity` of the model before its first step, None where they were not measured."""
    before = {key: value for log in log_history if log.get("epoch") == 0 for key, value in log.items()}
    return {"loss": before.get("eval_loss"), "similarity": before.get("eval_similarity")}


def convergence_epoch(by_epoch: list[dict[str, float | None]]) -> int | None:
    """Return the first epoch with a validation loss within one per cent of the lowest; None without validation."""
    validated = [epoch for epoch in by_epoch if epoch["validation_loss"] is not None]
    if not validated:
        return None
    lowest = min(epoch["validation_loss"] for epoch in validated)
    return next(epoch["epoch"] for epoch in validated if epoch["validation_loss"] <= lowest * (1 + CONVERGED_WITHIN))


def chosen_validation(by_epoch: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Return `epoch`, `loss` and `similarity` of the epoch that the saved model is of.

    That is the one of the highest similarity, the first of several; without similarities, the last.
    """
    scored = [epoch for epoch in by_epoch if epoch["validation_similarity"] is not None]
    if scored:
        chosen = max(scored, key=lambda epoch: epoch["validation_similarity"])
    elif by_epoch:
        chosen = by_epoch[-1]
    else:
        return {"epoch": None, "loss": None, "similarity": None}
    names = {"epoch": "epoch", "loss": "validation_loss", "similarity": "validation_similarity"}
    return {name: chosen[key] for name, key in names.items()}
