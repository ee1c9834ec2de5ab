"""Run one stage of training: `python -m training STAGE`."""

from __future__ import annotations

import sys

from training import align, best_of_n, sft, sweep
from training.command import package_parser, run_stage

STAGES = [sft, align, sweep, best_of_n]

if __name__ == "__main__":
    run_stage(package_parser(STAGES), sys.argv[1:])
