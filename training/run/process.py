"""Run another stage in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence

from dataset_builder.errors import InputError


def run_process(words: Sequence[object], failure: str) -> None:
    """Run `python -m WORDS` and wait for its end; raises `InputError(failure)` if it does not succeed."""
    if subprocess.run([sys.executable, "-m", *map(str, words)]).returncode:
        raise InputError(failure)
