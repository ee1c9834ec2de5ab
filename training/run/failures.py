"""Turn the failures of a run into one clear message that names the checkpoint to resume from."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from dataset_builder.errors import InputError, print_error
from training.run.folder import last_complete_checkpoint

# torch reports that memory ran out with these words, on a GPU and on a CPU; for a CPU it has no exception class.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory")
# torch's file writer reports a failed write with these words; it has no exception class either.
WRITE_FAILED = ("PytorchStreamWriter", "inline_container", "iostream error")


class TrainingError(Exception):
    """A run cannot continue. The message says what happened and what to change."""


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
