"""What stops a run that nobody stopped: one message, with the checkpoint that the same command goes on from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# How torch says that memory ran out, on a GPU and on a CPU; the latter has no class of its own.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


class TrainingError(RuntimeError):
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


def _where_to_go_on(output_dir: Path) -> str:
    from training.run_folder import last_whole_checkpoint

    checkpoint = last_whole_checkpoint(output_dir)
    return f"the same command goes on from {checkpoint}" if checkpoint else "no checkpoint was saved yet"
