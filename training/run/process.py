"""Run another stage in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence

from dataset_builder.errors import InputError, print_error


def run_process(words: Sequence[object], failure: str) -> None:
    """Run `python -m WORDS` and wait for its end.

    Raises `InputError(failure)` if the stage refuses its input. After another failure, prints `failure` and raises
    `SystemExit` with the exit code 1 of a training that cannot continue.
    """
    code = subprocess.run([sys.executable, "-m", *map(str, words)]).returncode
    if code == 2:
        raise InputError(failure)
    if code:
        print_error(failure)
        raise SystemExit(1)
