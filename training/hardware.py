"""What the hardware decides where a recipe does not, and what a run ran on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError

if TYPE_CHECKING:
    import torch
    from transformers import TrainingArguments

PACKAGES = ("accelerate", "datasets", "huggingface_hub", "peft", "torch", "transformers", "trl")


def precision_defaults() -> dict[str, bool]:
    """Return bf16 and use_cpu, keys of TRL's trainers, for this machine.

    bfloat16 where `computing_dtype` finds that the hardware computes in it. Weights stay in float32; bf16 is for the
    autocast operations.
    """
    import torch

    from dataset_builder.hardware import computing_dtype

    return {"bf16": computing_dtype() is torch.bfloat16, "use_cpu": not torch.cuda.is_available()}


def refuse_several_gpus(args: TrainingArguments) -> None:
    """Raise `InputError` where one process sees several GPUs, over which TRL's trainers do not spread."""
    if args.n_gpu > 1:
        raise InputError(
            f"{args.n_gpu} GPUs are visible to one process, which trains on one: launch a process for each by "
            f"`accelerate launch --multi_gpu --num_processes {args.n_gpu} ...`, or show it one, CUDA_VISIBLE_DEVICES=0"
        )


def refuse_answers_under_fsdp(validation_questions: int) -> None:
    """Raise `InputError` where a model that is shared out among processes is to answer questions."""
    if os.environ.get("ACCELERATE_USE_FSDP") == "true" and validation_questions:
        raise InputError(
            f"validation_questions {validation_questions}: under FSDP no process has the whole model to answer with; "
            "pass --validation_questions 0, which keeps the last epoch"
        )


def compile_layers(model: torch.nn.Module, backend: str, mode: str | None) -> None:
    """Have torch.compile make a program of the decoder layer, which all layers share, for each shape of their input.

    Rows are padded to few lengths (`pad_to_multiple_of`), for which programs of fixed shapes are the faster ones. The
    embeddings and the head stay as they are: the head sees another number of answer tokens in each batch.
    """
    import torch
    from transformers.modeling_layers import GradientCheckpointingLayer

    torch._dynamo.config.recompile_limit = 32
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            module.compile(backend=backend, mode=mode, dynamic=False)


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
