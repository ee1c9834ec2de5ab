"""Run an evaluation and print how many questions each process answered.

`accelerate launch -m tests.eval.two_processes ARGUMENTS`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from accelerate import PartialState

from dataset_builder.command import run_stage
from eval.__main__ import parser
from eval.generation import collect
from eval.prompting import Answer


def counting(*arguments: Any) -> Iterator[dict[int, Answer]]:
    """Answer as before, and print the number of answers of this process."""
    count = 0
    for answers in answer_in_batches(*arguments):
        count += len(answers)
        yield answers
    process = PartialState()
    sys.stderr.write(f"process {process.process_index} of {process.num_processes} answered {count}\n")


if __name__ == "__main__":
    answer_in_batches, collect.answer_in_batches = collect.answer_in_batches, counting
    run_stage(parser())
