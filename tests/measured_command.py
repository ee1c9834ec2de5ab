"""Run a command and measure it with all its processes: CPU seconds, peak memory, disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psutil

from tests.conftest import REPOSITORY

# Seconds between two looks at the memory of the processes.
INTERVAL = 0.2


@dataclass(frozen=True)
class Measured:
    """The processor seconds of a command and its child processes, and their largest memory together, in bytes."""

    cpu_seconds: float
    peak_memory: int


def run_measured(*words: object, environment: Mapping[str, str] | None = None) -> Measured:
    """Run `python -m WORDS` in the repository and measure it; raises `SystemExit` with its output if it fails.

    Memory that processes share, such as a mapped file, counts once. A peak shorter than `INTERVAL` may be missed.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    done, sums = Event(), [0]

    def sample() -> None:
        while not done.wait(INTERVAL):
            sums.append(_memory(process.pid))

    sampler = Thread(target=sample)
    sampler.start()
    output = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    done.set()
    sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: {output.decode()}")
    # Not ru_maxrss: it begins with the memory of the process that forked.
    return Measured(usage.ru_utime + usage.ru_stime, max(sums))


def disk_bytes(*folders: Path) -> int:
    """Return the bytes of all files below `folders`; a file with several links counts once."""
    files = [path.stat() for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sum({status.st_ino: status.st_size for status in files}.values())


def _memory(pid: int) -> int:
    """Return the proportional set size (see proc(5)) of a process and its descendants, in bytes."""
    total = 0
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        # A process may end meanwhile.
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total
