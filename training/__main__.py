"""Run one stage of training: `python -m training STAGE`."""

from __future__ import annotations

import sys

from training import align, best_of_n, sft, sweep
from training.command import run_package

STAGES = [sft.STAGE, align.STAGE, sweep.STAGE, best_of_n.STAGE]

if __name__ == "__main__":
    run_package(STAGES, sys.argv[1:])
