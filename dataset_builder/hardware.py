"""What the hardware decides for every stage that runs a model: precision, processes, threads, and the memory taken."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from accelerate import PartialState


def computing_dtype() -> torch.dtype:
    """Return the type in which this machine runs a model that is not trained: the fastest that it computes in.

    bfloat16 where the hardware has it: GPUs from compute capability 8.0, and CPUs with AVX512-BF16 or AMX. Older GPUs
    get float16, other CPUs float32.
    """
    import torch

    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
    capabilities = torch.cpu.get_capabilities()
    has_bfloat16 = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if has_bfloat16 else torch.float32


def start_process() -> PartialState:
    """Return which process this is, of how many, and on which device; one of one without `accelerate launch`."""
    import torch
    from accelerate import PartialState

    use_all_threads()
    # Without being told, it takes processes on a machine without accelerators for runs of their own. They wait for
    # each other until the last one is done, which may take days.
    return PartialState(cpu=not torch.accelerator.is_available(), timeout=timedelta(days=30))


def use_all_threads() -> None:
    """Share this machine's cores out among its processes, on a CPU.

    accelerate launch sets OMP_NUM_THREADS to 1 where it is not set, which leaves every core but one idle.
    """
    import torch

    if not torch.cuda.is_available() and os.environ.get("OMP_NUM_THREADS", "1") == "1":
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))


def peak_memory_bytes() -> int:
    """Return the most memory taken so far: allocated on the GPU where there is one, else resident in this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB: getrusage(2)
