"""`accelerate launch -m tests.eval.two_processes ARGUMENTS`: the evaluation, saying what each process answered."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from accelerate import PartialState

from eval.__main__ import main
from eval.generation import collect as collecting


def counting(*arguments: Any) -> Iterator[dict[int, str]]:
    """Answer as before, and say how many answers this process gave."""
    count = 0
    for answers in answer_in_batches(*arguments):
        count += len(answers)
        yield answers
    process = PartialState()
    sys.stderr.write(f"process {process.process_index} of {process.num_processes} answered {count}\n")


if __name__ == "__main__":
    answer_in_batches, collecting.answer_in_batches = collecting.answer_in_batches, counting
    main()
