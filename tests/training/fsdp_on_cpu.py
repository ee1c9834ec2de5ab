"""`training.sft` under FSDP by CPU processes: accelerate shards over accelerators only, torch over CPUs, too."""

from __future__ import annotations

from accelerate.state import PartialState
from accelerate.utils import DistributedType

from dataset_builder.command import run_stage, stage_parser
from training import sft

if __name__ == "__main__":
    PartialState._prepare_backend = lambda *arguments, **keywords: ("gloo", DistributedType.MULTI_GPU)
    run_stage(stage_parser(sft))
