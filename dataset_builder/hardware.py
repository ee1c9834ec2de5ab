"""Choose precision, processes and threads from the hardware, and measure the peak memory."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from accelerate import PartialState

# `accelerate launch` sets one of them: the first without several processes, the second with them.
LAUNCHED = {"ACCELERATE_USE_CPU", "LOCAL_WORLD_SIZE"}


def computing_dtype() -> "torch.dtype":
    """Return the data type for inference on this machine: the fastest that the hardware supports.

    That is bfloat16 on GPUs from compute capability 8.0 and on CPUs with AVX512-BF16 or AMX, float16 on older GPUs,
    and float32 on other CPUs.
    """
    import torch

    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
    capabilities = torch.cpu.get_capabilities()
    has_bfloat16 = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if has_bfloat16 else torch.float32


def start_process() -> "PartialState":
    """Return this process's index and device, and the number of processes: 1 without `accelerate launch`."""
    import torch
    from accelerate import PartialState

    use_all_threads()
    # `cpu` must be set on a machine without accelerators: otherwise each process takes itself for the only one. The
    # processes wait for the slowest one, which may take days.
    return PartialState(cpu=not torch.accelerator.is_available(), timeout=timedelta(days=30))


def use_all_threads() -> None:
    """Divide the cores of a machine without a GPU among its processes.

    If OMP_NUM_THREADS is not set, `accelerate launch` sets it to 1, which leaves every core but one idle. Any other
    value is left as it is, and without the launcher 1, too.
    """
    import torch

    given = os.environ.get("OMP_NUM_THREADS")
    is_chosen = given is not None and (given != "1" or LAUNCHED.isdisjoint(os.environ))
    if not torch.cuda.is_available() and not is_chosen:
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))


def peak_memory_bytes() -> int:
    """Return the peak memory so far in bytes: allocated on the GPU if there is one, else resident in this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB: getrusage(2)
