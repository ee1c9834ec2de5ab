"""Run a stage on HF Jobs and keep its results. The scripts in `jobs/` call it.

https://huggingface.co/docs/hub/jobs describes HF Jobs.
"""

import os
import shutil
from pathlib import Path
from types import ModuleType

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError, exit_on_input_error

# The folder of a mounted bucket, which remains after the job. Without the variable nothing is copied.
RESULTS_VARIABLE = "JOB_RESULTS"
RUNS = Path("runs")


def run_job(stage: ModuleType) -> None:
    """Run `stage` with the words of the command line, then copy `runs/` to the folder that JOB_RESULTS names.

    The stage writes to the disk of the job and not to the mounted bucket, because stages lock their folders, and the
    mount has no file locks (https://github.com/huggingface/hf-mount).
    Exits with code 2 after a stage that wrote nothing below `runs/`.
    """
    run_stage(stage_parser(stage))
    results = os.environ.get(RESULTS_VARIABLE)
    if results is None:
        return
    with exit_on_input_error():
        if not RUNS.is_dir():
            raise InputError(
                f"{RUNS}: folder not found, so no result was copied; choose an output folder below {RUNS}/"
            )
        shutil.copytree(RUNS, results, dirs_exist_ok=True)
