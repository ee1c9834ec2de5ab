"""Measure the time and the memory of the training steps, and show the training in one progress bar."""

import time
from typing import Any

import torch
from tqdm import tqdm
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from dataset_builder.hardware import peak_memory_bytes


class Stopwatch(TrainerCallback, ExportableState):
    """Measures the training steps, in all parts of a run that was interrupted and resumed.

    `seconds` and, on a GPU, `peak_memory_bytes` leave out validation and saving; on a CPU the memory is the peak of
    the process. The trainer saves both numbers in each checkpoint.
    """

    def __init__(self, seconds: float = 0.0, peak_memory_bytes: int = 0) -> None:
        self.seconds = seconds
        self.peak_memory_bytes = peak_memory_bytes
        self._started = 0.0
        self._bar: tqdm[Any] | None = None
        # At the last log.
        self._logged_seconds = seconds
        self._logged_tokens = 0.0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of this callback, in the form that transformers asks for."""
        return {"args": {"seconds": self.seconds, "peak_memory_bytes": self.peak_memory_bytes}, "attributes": {}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Open the bar."""
        if state.is_world_process_zero and not args.disable_tqdm:
            self._bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training", unit="step")

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the measurement of a step."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._started = clock()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Add the step to the measurements."""
        self.seconds += clock() - self._started
        self.peak_memory_bytes = max(self.peak_memory_bytes, peak_memory_bytes())
        if self._bar is not None:
            self._bar.update()

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        """Show the logged steps behind the bar."""
        logs = kwargs["logs"]
        if self._bar is not None and "loss" in logs:
            self._bar.set_postfix(self.describe(logs))

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def describe(self, logs: dict[str, float]) -> dict[str, str]:
        """Return the loss, and the tokens per second since the last log. A resumed run counts its tokens from zero."""
        speed = (logs["num_tokens"] - self._logged_tokens) / (self.seconds - self._logged_seconds)
        self._logged_seconds, self._logged_tokens = self.seconds, logs["num_tokens"]
        return {"loss": f"{logs['loss']:.3f}", "tokens/s": f"{speed:,.0f}"}


def find_stopwatch(trainer: Trainer) -> Stopwatch:
    """Return the stopwatch of a trainer. A resumed run has another one than it was given."""
    return next(callback for callback in trainer.callback_handler.callbacks if isinstance(callback, Stopwatch))


def clock() -> float:
    """Return the time in seconds, after the GPU, if there is one, has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
