"""The processes of `accelerate launch`: each one's part of the questions, and its threads."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelerate import PartialState


def start_process() -> PartialState:
    """Return which process this is, of how many, and on which device; one of one without `accelerate launch`."""
    import torch
    from accelerate import PartialState

    share_threads()
    # The processes wait for each other until the last answer is there, which may take hours on a CPU.
    # Without being told, it takes processes on a machine without GPUs for runs of their own.
    return PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(days=7))


def share_threads() -> None:
    """Share this machine's cores out among its processes, on a CPU.

    accelerate launch sets OMP_NUM_THREADS to 1 where it is not set, which leaves every core but one idle.
    """
    import torch

    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "0"))
    if processes and not torch.cuda.is_available() and os.environ.get("OMP_NUM_THREADS", "1") == "1":
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))


def part(rows: list[dict[str, Any]], process: int, processes: int) -> list[dict[str, Any]]:
    """Return the questions that `process` answers: every so many-th abstract, by length, with all its questions."""
    abstracts = sorted({row["context"] for row in rows}, key=lambda text: (-len(text), text))
    own = set(abstracts[process::processes])
    return [row for row in rows if row["context"] in own]
