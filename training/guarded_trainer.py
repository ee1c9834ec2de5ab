"""Measure a run, and stop it with one clear message before it loses its model: a base of every trainer here."""

import copy
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import ExportableState

from dataset_builder.errors import InputError, print_error
from dataset_builder.hardware import peak_memory_bytes
from eval.run_metrics import RunEnvironment, RunMetrics
from training.run_folder import finish_run, is_complete, last_complete_checkpoint

# torch reports that memory ran out with these words, on a GPU and on a CPU; for a CPU it has no exception class.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory")
# torch's file writer reports a failed write with these words; it has no exception class either.
WRITE_FAILED = ("PytorchStreamWriter", "inline_container", "iostream error")


class TrainingError(Exception):
    """A run cannot continue. The message says what happened and what to change."""


class Stopwatch(TrainerCallback, ExportableState):
    """Measures the training steps in all parts of a run: seconds without validation and saving, and peak memory."""

    def __init__(self, seconds: float = 0.0, peak_memory_bytes: int = 0) -> None:
        self.seconds, self.peak_memory_bytes, self._started = seconds, peak_memory_bytes, 0.0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of this callback, in the form that transformers asks for."""
        return {"args": {"seconds": self.seconds, "peak_memory_bytes": self.peak_memory_bytes}, "attributes": {}}

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the measurement of a step."""
        self._started = _clock()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Add the step to the measurements."""
        self.seconds += _clock() - self._started
        self.peak_memory_bytes = max(self.peak_memory_bytes, peak_memory_bytes())


class GuardedTrainer(Trainer):
    """Comes before a library's trainer in the bases of a class, and stops the run where that trainer would continue.

    It stops at a loss or a gradient that is not finite, before the optimizer changes a weight, and at a checkpoint
    that cannot be written, before the older one is removed.
    """

    def __init__(self, *, args: TrainingArguments, **kwargs: Any) -> None:
        """Take the arguments of the library's trainer."""
        args = copy.copy(args)
        # The trainer would replace a loss that is not finite by the mean of the earlier ones.
        args.logging_nan_inf_filter = False
        args.restore_callback_states_from_checkpoint = True
        super().__init__(args=args, **kwargs)
        self.remove_callback(PrinterCallback)
        self.add_callback(Stopwatch())

    @property
    def stopwatch(self) -> Stopwatch:
        """Return the stopwatch. A resumed run has another one than it was given."""
        return next(callback for callback in self.callback_handler.callbacks if isinstance(callback, Stopwatch))

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Return the loss of the trainer; raises `TrainingError` if it is not finite."""
        loss = super().training_step(*args, **kwargs)
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
        folder, step = Path(self.args.output_dir or ""), self.state.global_step
        try:
            with explain_write_failures(f"the checkpoint of step {step}", folder):
                super()._save_checkpoint(*args, **kwargs)
        except TrainingError:
            if not is_complete(folder / f"checkpoint-{step}"):
                shutil.rmtree(folder / f"checkpoint-{step}", ignore_errors=True)
            raise


def save_run(trainer: GuardedTrainer, metrics: RunMetrics, environment: RunEnvironment) -> None:
    """Save the trained model, then finish its run folder. Every process must call this."""
    folder = Path(trainer.args.output_dir or "")
    sharded = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    if sharded is not None:
        # By default each process keeps its part of the model, and the trainer saves none.
        sharded.set_state_dict_type("FULL_STATE_DICT")
    with explain_write_failures("the model", folder):
        trainer.save_model()
    if trainer.is_world_process_zero():
        finish_run(folder, metrics, environment)


def _clock() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


@contextmanager
def explain_failures(output_dir: Path) -> Iterator[None]:
    """Turn a failure of the run in `output_dir` into a message on standard error and exit code 1.

    The message, and that of a `KeyboardInterrupt`, says from which checkpoint the run resumes. Other exceptions,
    which are defects of the program, pass with their traceback.
    """
    try:
        yield
    except TrainingError as error:
        message = str(error)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_remedy(output_dir)) from None
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in OUT_OF_MEMORY):
            raise
        message = (
            f"out of memory ({str(error).splitlines()[0] if str(error) else 'MemoryError'}); "
            "halve --per_device_train_batch_size and double --gradient_accumulation_steps, which keeps the size of a "
            "step; at a batch size of 1 pass --activation_checkpointing true"
        )
    else:
        return
    print_error(f"{message}\n{_remedy(output_dir)}")
    raise SystemExit(1)


@contextmanager
def explain_refused_values() -> Iterator[None]:
    """Turn a `ValueError` of the libraries about the model or a recipe key into an `InputError`."""
    try:
        yield
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"the model and the recipe do not fit: {error}; change the recipe") from error


@contextmanager
def explain_write_failures(content: str, folder: Path) -> Iterator[None]:
    """Turn a failure to write `content` into `folder` into a `TrainingError` that names the free space."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in WRITE_FAILED):
            raise
        free = shutil.disk_usage(folder).free / 2**30
        raise TrainingError(
            f"{folder}: {content} could not be saved ({error}); {free:.1f} GiB are free there: free some space, then "
            "run the same command again"
        ) from error


def _remedy(output_dir: Path) -> str:
    checkpoint = last_complete_checkpoint(output_dir)
    return f"the same command resumes from {checkpoint}" if checkpoint else "no checkpoint was saved yet"
