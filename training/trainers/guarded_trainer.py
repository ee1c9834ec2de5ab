"""Measure a run, and stop it before it loses its model: the base of the trainers of SFT and DPO."""

import copy
import math
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainingArguments

from dataset_builder.models.attention import attention_by
from training.run.failures import TrainingError, explain_write_failures
from training.run.folder import is_complete
from training.run.stopwatch import Stopwatch
from training.trainers.matrix_attention import MATRICES


class GuardedTrainer(Trainer):
    """Comes before a library's trainer in the bases of a class, and stops the run where that trainer would continue.

    It stops at a loss or a gradient that is not finite, before the optimizer changes a weight, and at a checkpoint
    that cannot be written, before the older one is removed. A `Stopwatch` replaces the progress bars and the printed
    metrics of transformers. On a CPU, the training steps compute the attention as `matrix_attention.py` does.
    """

    def __init__(self, *, args: TrainingArguments, **kwargs: Any) -> None:
        """Take the arguments of the library's trainer."""
        args = copy.copy(args)
        # The trainer would replace a loss that is not finite by the mean of the earlier ones.
        args.logging_nan_inf_filter = False
        args.restore_callback_states_from_checkpoint = True
        super().__init__(args=args, **kwargs)
        for callback in (ProgressCallback, PrinterCallback):
            self.remove_callback(callback)
        self.add_callback(Stopwatch())

    @property
    def network(self) -> Any:
        """Return the model that is trained. The trainer's own attribute may be None by its type."""
        return self.model

    def fast_attention(self) -> AbstractContextManager[None]:
        """Return the context in which the attention of the model is computed in the fastest way of the device."""
        return attention_by(MATRICES if self.accelerator.device.type == "cpu" else "sdpa", self.network)

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return the loss of a batch, after its backward pass; raises `TrainingError` if it is not finite."""
        with self.fast_attention():
            loss: torch.Tensor = super().training_step(*args, **kwargs)
        self._check_finite("loss", loss)
        return loss

    def _get_grad_norm(self, *args: Any, **kwargs: Any) -> Any:
        norm = super()._get_grad_norm(*args, **kwargs)  # type: ignore[no-untyped-call]  # transformers
        # With float16 the optimizer itself skips such a step, and the loss is scaled again.
        if not self.args.fp16:
            self._check_finite("gradient norm", norm)
        return norm

    def _check_finite(self, name: str, value: Any) -> None:
        if not math.isfinite(value):
            raise TrainingError(
                f"the {name} of step {self.state.global_step + 1} is {float(value)}; the weights were not changed: "
                "pass a lower --learning_rate, or --bf16 false"
            )

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Save; on a failure the older checkpoint stays, because it is removed only after this one is complete."""
        folder, step = Path(self.args.output_dir or ""), self.state.global_step
        checkpoint = folder / f"checkpoint-{step}"
        try:
            with explain_write_failures(f"the checkpoint of step {step}", folder):
                super()._save_checkpoint(*args, **kwargs)
        except TrainingError:
            if not is_complete(checkpoint):
                shutil.rmtree(checkpoint, ignore_errors=True)
            raise
