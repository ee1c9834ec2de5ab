"""Measure the time and the memory of the training steps, and show the training in one progress bar."""

import os
import time
from typing import Any

import torch
from tqdm import tqdm
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState
from trl.trainer.utils import get_peak_flops

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
        self._utilization_per_speed: float | None = None
        # At the last log.
        self._logged_seconds = seconds
        self._logged_tokens = 0.0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of this callback, in the form that transformers asks for."""
        return {"args": {"seconds": self.seconds, "peak_memory_bytes": self.peak_memory_bytes}, "attributes": {}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Open the bar."""
        # In a resumed run, GRPO continues the count of tokens, and the other trainers count from zero.
        self._logged_tokens = float(state.num_input_tokens_seen)
        peak = peak_flops(args.bf16)
        self._utilization_per_speed = flops_per_token(kwargs["model"]) / peak if peak else None
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
        """Return the loss (GRPO: reward), and if the trainer counts tokens, speed and MFU since the last log."""
        if "num_tokens" not in logs:
            return {"loss": f"{logs['loss']:.3f}"}
        speed = (logs["num_tokens"] - self._logged_tokens) / (self.seconds - self._logged_seconds)
        self._logged_seconds, self._logged_tokens = self.seconds, logs["num_tokens"]
        name = "reward" if "reward" in logs else "loss"
        mfu = self.mfu(speed)
        return {
            **{name: f"{logs[name]:.3f}", "tokens/s": f"{speed:,.0f}"},
            **({} if mfu is None else {"MFU": f"{mfu:.1%}"}),
        }

    def mfu(self, tokens_per_second: float) -> float | None:
        """Return the model FLOPs utilization at a speed: the share of the GPUs' peak, None if that is not known."""
        share = self._utilization_per_speed
        return None if share is None else tokens_per_second * share


def find_stopwatch(trainer: Trainer) -> Stopwatch:
    """Return the stopwatch of a trainer. A resumed run has another one than it was given."""
    return next(callback for callback in trainer.callback_handler.callbacks if isinstance(callback, Stopwatch))


def clock() -> float:
    """Return the time in seconds, after the GPU, if there is one, has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def flops_per_token(model: Any) -> float:
    """Return the floating point operations that a training step does for each token.

    Each weight of a matrix costs two in the forward pass, two for the gradient of the activations, and two more if it
    is trained (Kaplan et al. 2020, section 2.1). The count leaves out the embeddings, the attention scores, and the
    head, which computes the answers only. So the use of the hardware is rather underestimated.
    """
    tables = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    head = model.get_output_embeddings()
    left_out = {id(p) for module in (*tables, *([] if head is None else [head])) for p in module.parameters()}
    matrices = [p for p in model.parameters() if p.dim() == 2 and id(p) not in left_out]
    return float(sum((6 if p.requires_grad else 4) * p.numel() for p in matrices))


def peak_flops(bf16: bool | None) -> float | None:
    """Return the bfloat16 matrix operations that the GPUs of this run can do in a second.

    Return None on a CPU, for an unknown GPU, and for a run in another precision, whose peak is not known.
    """
    if not torch.cuda.is_available() or not bf16:
        return None
    one_gpu: float | None = get_peak_flops(torch.cuda.get_device_name(), "bfloat16")
    return one_gpu and one_gpu * int(os.environ.get("WORLD_SIZE", "1"))
