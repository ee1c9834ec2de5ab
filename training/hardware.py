"""Choose settings by the hardware, refuse settings that it cannot run, and record it."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import TrainingArguments
from transformers.modeling_layers import GradientCheckpointingLayer

from dataset_builder.errors import InputError
from dataset_builder.hardware import computing_dtype
from eval.run_metrics import RunEnvironment

# Rows of up to about 1,300 tokens have five lengths then, and so five programs.
COMPILED_PADDING = 256
REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("accelerate", "datasets", "huggingface_hub", "peft", "torch", "transformers", "trl")


def machine_defaults() -> dict[str, bool | str]:
    """Return the default values of recipe keys for this machine: bf16, use_cpu, disable_tqdm, log_level_replica.

    bf16 is true if the hardware computes in bfloat16 (see `computing_dtype`). It applies to the autocast operations;
    the weights stay in float32. By transformers' own default for log_level_replica, every process but the first would
    show the warnings of the libraries.
    """
    return {
        "bf16": computing_dtype() is torch.bfloat16,
        "use_cpu": not torch.cuda.is_available(),
        "disable_tqdm": not sys.stderr.isatty(),
        "log_level_replica": "passive",
    }


def check_processes(args: TrainingArguments) -> None:
    """Raise `InputError` if one process sees several GPUs: TRL's trainers use only one for each process."""
    if args.n_gpu > 1:
        raise InputError(
            f"{args.n_gpu} GPUs are visible to one process, which trains on one: start one process for each GPU by "
            f"`accelerate launch --multi_gpu --num_processes {args.n_gpu} ...`, or select one, CUDA_VISIBLE_DEVICES=0"
        )


def refuse_fsdp(reason: str, remedy: str = "leave FSDP out") -> None:
    """Raise `InputError` under FSDP, with which no process has the whole model."""
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        raise InputError(f"{reason}; {remedy}")


def compile_layers(model: torch.nn.Module, backend: str | None, mode: str | None) -> None:
    """Compile the decoder layer, which all layers share.

    On a GPU, rows are padded to few lengths (see `compiled_padding`), because programs for one shape are faster. On a
    CPU, one program takes every length, because padding would cost more there than it gains. The embeddings and the
    head are not compiled: the head gets another number of answer tokens in each batch.
    """
    dynamic = not torch.cuda.is_available()
    torch._dynamo.config.recompile_limit = 32
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            module.compile(backend=backend, mode=mode, dynamic=dynamic)


def compiled_padding() -> int:
    """Return the multiple of tokens to which rows are padded for compiled layers."""
    return COMPILED_PADDING if torch.cuda.is_available() else 1


def run_environment(precision: str) -> RunEnvironment:
    """Return the hardware, the precision, the versions of Python and of the packages, and the commit of this run."""
    gpu = torch.cuda.is_available()
    return RunEnvironment(
        device=torch.cuda.get_device_name() if gpu else torch.cpu.get_capabilities().get("cpu_name", "CPU"),
        devices=int(os.environ.get("WORLD_SIZE", "1")),
        threads=torch.get_num_threads(),
        precision=precision,
        python=platform.python_version(),
        packages={package: version(package) for package in PACKAGES},
        commit=code_commit(),
    )


@cache
def code_commit() -> str:
    """Return the commit of the code at the first call, which is when a run begins; "unknown" outside a Git repository.

    It ends with "-dirty" if the code differs from the commit.
    """
    if not (REPOSITORY / ".git").exists():
        return "unknown"
    words = ("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--exclude", "*")
    try:
        return subprocess.run(words, capture_output=True, text=True).stdout.strip() or "unknown"
    except OSError:  # without git
        return "unknown"
