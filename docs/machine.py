"""Name the machine and the commit of a run, for the record of its results."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

# Code that decides the results.
CODE = ("dataset_builder", "eval", "training", "Makefile", "constraints.txt")


def describe_machine() -> str:
    """Return the processor, the memory and the GPU of this machine in words."""
    import psutil
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{cores} cores of {_processor()}, {memory:.0f} GiB, {gpu}"


def describe_commit(repository: Path) -> str:
    """Return the short id of the checked-out commit, with a note if the code differs from it.

    An unpacked archive has no commit: "unknown".
    """
    head = _git(repository, "rev-parse", "--short", "HEAD")
    if head is None:
        return "unknown"
    changed = _git(repository, "status", "--porcelain", "--", *CODE)
    return f"{head} with local changes" if changed else head


def _git(repository: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=repository, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", path.read_text(), re.MULTILINE) if path.is_file() else None
    return found[1].strip() if found else "a CPU"
