"""Measure the time and the memory of the training steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState, TrainerControl, TrainerState
from transformers.training_args import TrainingArguments

from dataset_builder.hardware import peak_memory_bytes

if TYPE_CHECKING:
    from transformers import Trainer


def clock() -> float:
    """Return the time in seconds, after the GPU, if there is one, has finished its work."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


class Stopwatch(TrainerCallback, ExportableState):
    """Measures the training steps, in all parts of a run that was interrupted and resumed.

    `seconds` and, on a GPU, `peak_memory_bytes` leave out validation and saving; on a CPU the memory is the peak of
    the process. The trainer saves both numbers in each checkpoint.
    """

    def __init__(self, seconds: float = 0.0, peak_memory_bytes: int = 0) -> None:
        self.seconds = seconds
        self.peak_memory_bytes = peak_memory_bytes
        self._started = 0.0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of this callback, in the form that transformers asks for."""
        return {"args": {"seconds": self.seconds, "peak_memory_bytes": self.peak_memory_bytes}, "attributes": {}}

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the measurement of a step."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._started = clock()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Add the step to the measurements."""
        self.seconds += clock() - self._started
        self.peak_memory_bytes = max(self.peak_memory_bytes, peak_memory_bytes())


def find_stopwatch(trainer: Trainer) -> Stopwatch:
    """Return the stopwatch of a trainer. A resumed run has another one than it was given."""
    return next(callback for callback in trainer.callback_handler.callbacks if isinstance(callback, Stopwatch))
