"""Train models on the corpus: fine-tuning, alignment, sweeps, and best-of-n answers."""

from __future__ import annotations

import argparse
import sys

from dataset_builder.output import add_version_option
from training import align, best_of_n, sft, sweep
from training.command import add_stage_arguments, help_texts, run_stage

STAGES = {"sft": sft, "align": align, "sweep": sweep, "best_of_n": best_of_n}
EXIT_CODES = """exit codes:
  0  done
  1  training stopped: see the message
  2  bad input: see the message
  130  interrupted"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m training`. Each stage can also be run as `python -m training.STAGE`."""
    command = argparse.ArgumentParser(
        prog="python -m training",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_version_option(command)
    stages = command.add_subparsers(required=True, metavar="STAGE")
    for name, stage in STAGES.items():
        texts = help_texts(stage)
        add_stage_arguments(stages.add_parser(name, help=texts["description"], **texts), stage)
    return command


if __name__ == "__main__":
    run_stage(parser(), sys.argv[1:])
