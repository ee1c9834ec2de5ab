"""Show the progress of training: one bar with the loss and the speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tqdm import tqdm
from transformers import PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer_callback import TrainerControl, TrainerState
from transformers.training_args import TrainingArguments

from training.run.flops import flops_per_token, peak_flops
from training.run.stopwatch import clock

if TYPE_CHECKING:
    from transformers import Trainer


class ProgressBar(TrainerCallback):
    """A progress bar with the last loss (GRPO: reward), the speed and, on a GPU, the model FLOPs utilization (MFU)."""

    def __init__(self, flops_per_token: float, peak_flops: float | None) -> None:
        self._flops_per_token = flops_per_token
        self._peak_flops = peak_flops
        self._bar: tqdm[Any] | None = None
        self._started = 0.0
        self._seconds = 0.0  # of the steps since the last log
        self._tokens = 0.0  # at the last log; TRL counts them from zero in a resumed run

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open the bar."""
        if state.is_world_process_zero:
            self._bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training", unit="step")

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the measurement of a step."""
        self._started = clock()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Count the step."""
        self._seconds += clock() - self._started
        if self._bar is not None:
            self._bar.update()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show the logged steps behind the bar."""
        if self._bar is not None and logs and "loss" in logs:
            self._bar.set_postfix(self.describe(logs))

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def describe(self, logs: dict[str, float]) -> dict[str, str]:
        """Return the text for the steps since the last log, from the trainer's log of them."""
        speed = (logs["num_tokens"] - self._tokens) / self._seconds
        self._seconds, self._tokens = 0.0, logs["num_tokens"]
        shown = next(name for name in ("reward", "loss") if name in logs)
        text = {shown: f"{logs[shown]:.3f}", "tokens/s": f"{speed:,.0f}"}
        if self._peak_flops:
            text["MFU"] = f"{speed * self._flops_per_token / self._peak_flops:.1%}"
        return text


def show_progress(trainer: Trainer) -> None:
    """Replace the progress bars and the printed metrics of transformers by one `ProgressBar`."""
    for callback in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(callback)
    if not trainer.args.disable_tqdm:
        trainer.add_callback(ProgressBar(flops_per_token(trainer.model), peak_flops(trainer.args.bf16)))
