"""Run one stage of training: `python -m training STAGE`."""

import sys

from training import align, best_of_n, sft, sweep
from training.command import package_parser, run_stage

if __name__ == "__main__":
    run_stage(package_parser([sft, align, sweep, best_of_n]), sys.argv[1:])
