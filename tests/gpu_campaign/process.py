"""Run the command of a part for a limited time, and stop it with all its child processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from training.commit import REPOSITORY

# The variable by which the processes of a campaign know its folder. Child processes inherit it.
MARK = "ISCA_QA_GPU_CAMPAIGN"
# Seconds that processes get to end by themselves, and between two looks at them.
PATIENCE, INTERVAL = 20, 0.1


def run_limited(
    words: Sequence[str], out: Path, output: Path, seconds: float, environment: Mapping[str, str]
) -> int | None:
    """Run `python WORDS` in the repository and return its exit code, or None if it was stopped after `seconds`.

    Its standard output goes to the file `output`. No process of the command is left when this returns or raises.
    """
    marked = {**os.environ, **environment, MARK: str(out.resolve())}
    with output.open("wb") as file:
        process = subprocess.Popen([sys.executable, *words], cwd=REPOSITORY, env=marked, stdout=file)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        stop_processes(out)
        process.wait()


def stop_processes(out: Path) -> None:
    """Stop every process that a campaign in the folder `out` has started, also those of a campaign that was killed."""
    for process in running_processes(out):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and running_processes(out):
        time.sleep(INTERVAL)
    for process in running_processes(out):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def running_processes(out: Path) -> list[psutil.Process]:
    """Return the processes that a campaign in the folder `out` has started, and their child processes."""
    return [process for process in psutil.process_iter() if campaign_of(process) == str(out.resolve())]


def campaign_of(process: psutil.Process) -> str | None:
    """Return the folder of the campaign that started a process; None if none did, or if the process has ended."""
    try:
        return process.environ().get(MARK)
    # A process of another user, or one that has ended.
    except (psutil.Error, OSError):
        return None
