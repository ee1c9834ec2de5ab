"""`training.sft` under FSDP by CPU processes: accelerate shards over accelerators only, torch over CPUs, too."""

from __future__ import annotations

import sys

from accelerate.state import PartialState
from accelerate.utils import DistributedType

from dataset_builder.errors import exit_on_input_error
from training.sft import main

if __name__ == "__main__":
    PartialState._prepare_backend = lambda *arguments, **keywords: ("gloo", DistributedType.MULTI_GPU)
    with exit_on_input_error():
        main(sys.argv[1:])
