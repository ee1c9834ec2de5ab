"""Name the machine of a run, for the record of its results."""

from __future__ import annotations

import os
import re
from pathlib import Path


def describe_machine() -> str:
    """Return the processor, the memory and the GPU of this machine in words."""
    import psutil
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{cores} {'core' if cores == 1 else 'cores'} of {_processor()}, {memory:.0f} GiB, {gpu}"


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", path.read_text(), re.MULTILINE) if path.is_file() else None
    return found[1].strip() if found else "a CPU"
