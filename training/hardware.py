"""What the hardware decides where a recipe does not, and what a run ran on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

PACKAGES = ("accelerate", "datasets", "huggingface_hub", "peft", "torch", "transformers", "trl")


def precision_defaults() -> dict[str, bool]:
    """Return bf16 and use_cpu, keys of TRL's trainers, for this machine.

    bfloat16 where the hardware computes in it: GPUs from compute capability 8.0, and CPUs with AVX512-BF16 or AMX
    (elsewhere a CPU emulates it, slower than float32). Weights stay in float32; bf16 is for the autocast operations.
    """
    import torch

    if torch.cuda.is_available():
        return {"bf16": torch.cuda.is_bf16_supported(), "use_cpu": False}
    capabilities = torch.cpu.get_capabilities()
    return {"bf16": bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")), "use_cpu": True}


def compile_each_length_once() -> None:
    """Have torch.compile make a program for each padded length, and none for lengths in general.

    Rows are padded to few lengths (`pad_to_multiple_of`), for which programs of fixed shapes are the faster ones.
    """
    import torch

    torch._dynamo.config.automatic_dynamic_shapes = False
    torch._dynamo.config.recompile_limit = 32


def environment(precision: str) -> dict[str, Any]:
    """Return what the run ran on: hardware, precision, and the versions of Python and the packages."""
    import torch

    gpu = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if gpu else torch.cpu.get_capabilities().get("cpu_name", "CPU"),
        "devices": int(os.environ.get("WORLD_SIZE", "1")),
        "threads": torch.get_num_threads(),
        "precision": precision,
        "python": platform.python_version(),
        "packages": {package: version(package) for package in PACKAGES},
    }
