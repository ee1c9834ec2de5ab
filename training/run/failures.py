"""What stops a run that nobody stopped: one message, with the checkpoint that the same command goes on from."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.run_folder import is_whole, last_whole_checkpoint

# How torch says that memory ran out, on a GPU and on a CPU; the latter has no class of its own.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory")
# How torch's writer of files says that one could not be written, which has no class of its own either.
NOT_WRITTEN = ("PytorchStreamWriter", "inline_container", "iostream error")


class TrainingError(Exception):
    """A run that cannot go on. The message says what happened and what to change."""


@contextmanager
def explained(output_dir: Path) -> Iterator[None]:
    """Turn what stops a run in `output_dir` into a message on standard error and exit code 1 (130: interrupted)."""
    try:
        yield
    except TrainingError as error:
        message, code = str(error), 1
    except KeyboardInterrupt:
        message, code = "interrupted", 130
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in OUT_OF_MEMORY):
            raise
        message, code = (
            f"out of memory ({str(error).splitlines()[0] if str(error) else 'MemoryError'}); "
            "halve --per_device_train_batch_size and double --gradient_accumulation_steps: the steps stay the same",
            1,
        )
    else:
        return
    sys.stderr.write(f"error: {message}\n{_where_to_go_on(output_dir)}\n")
    raise SystemExit(code)


@contextmanager
def saving(what: str, folder: Path) -> Iterator[None]:
    """Turn a failure to write `what` into `folder` into a `TrainingError` that tells the room there."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in NOT_WRITTEN):
            raise
        free = shutil.disk_usage(folder).free / 2**30
        raise TrainingError(
            f"{folder}: {what} could not be saved ({error}); {free:.1f} GiB are free there: make room, then run the "
            "same command again"
        ) from error


class Guarded:
    """Comes before one of TRL's trainers among a class's bases: stops where it would go on and lose the model.

    That is at a loss or gradient that is no number, before the optimizer changes a weight by it, and at a checkpoint
    that cannot be written, before an older one goes.
    """

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Return the trainer's loss; raises `TrainingError` where it is no number."""
        loss = super().training_step(*args, **kwargs)
        self._must_be_finite("loss", loss)
        return loss

    def _get_grad_norm(self, *args: Any, **kwargs: Any) -> Any:
        norm = super()._get_grad_norm(*args, **kwargs)
        # With float16 the optimizer skips such steps by itself, and the loss is scaled anew.
        if not self.args.fp16:
            self._must_be_finite("gradient's norm", norm)
        return norm

    def _must_be_finite(self, name: str, value: Any) -> None:
        if not math.isfinite(value):
            raise TrainingError(
                f"the {name} of step {self.state.global_step + 1} is {float(value)}; the weights were left as they "
                "were: pass a lower --learning_rate, or --bf16 false"
            )

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Save; on a failure the checkpoint before stays, which is deleted only once this one is whole."""
        folder, step = Path(self.args.output_dir), self.state.global_step
        checkpoint = folder / f"checkpoint-{step}"
        try:
            with saving(f"the checkpoint of step {step}", folder):
                super()._save_checkpoint(*args, **kwargs)
        except TrainingError as error:
            if is_whole(checkpoint):
                raise TrainingError(
                    f"{checkpoint}: was saved, but an older checkpoint could not be removed ({error.__cause__}); "
                    "remove it, then run the same command again"
                ) from error
            shutil.rmtree(checkpoint, ignore_errors=True)
            raise


def _where_to_go_on(output_dir: Path) -> str:
    checkpoint = last_whole_checkpoint(output_dir)
    return f"the same command goes on from {checkpoint}" if checkpoint else "no checkpoint was saved yet"
