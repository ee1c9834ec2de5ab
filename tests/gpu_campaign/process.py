"""Run the command of a part for a limited time, and stop it with all its child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.conftest import REPOSITORY

# The variable by which the processes of a campaign know its folder. Child processes inherit it.
MARK = "ISCA_QA_GPU_CAMPAIGN"
# Seconds that processes get to end by themselves.
PATIENCE = 20


def run_limited(
    words: Sequence[str], out: Path, output: Path, seconds: float, environment: Mapping[str, str]
) -> int | None:
    """Run `python WORDS` in the repository and return its exit code, or None if it was stopped after `seconds`.

    Its standard output goes to the file `output`. No process of the command is left when this returns or raises.
    """
    marked = {**os.environ, **environment, MARK: str(out.resolve())}
    try:
        with output.open("wb") as file:
            process = subprocess.Popen([sys.executable, *words], cwd=REPOSITORY, env=marked, stdout=file)
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
    finally:
        stop_processes(out)


def stop_processes(out: Path) -> None:
    """Stop every process that a campaign in the folder `out` has started, also those of a campaign that was killed."""
    running = [process for process in psutil.process_iter() if campaign_of(process) == str(out.resolve())]
    for process in running:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(running, PATIENCE)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(running, PATIENCE)


def campaign_of(process: psutil.Process) -> str | None:
    """Return the folder of the campaign that started a process, None if none did."""
    try:
        return process.environ().get(MARK)
    # A process of another user, or one that has just ended.
    except (psutil.Error, OSError):
        return None
