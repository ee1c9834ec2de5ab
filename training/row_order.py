"""Order the training rows: the order depends on seed and epoch only, and rows of similar length share a step.

transformers' own group_by_length draws from torch's generator, whose state a resumed run does not restore.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerState

# The number of steps whose rows are sorted by length together: a larger number pads less and mixes less.
STEPS_SORTED_TOGETHER = 16


def epoch_order(lengths: Sequence[int], rows_per_step: int, seed: int, epoch: int) -> list[int]:
    """Return the row numbers of an epoch in the order of training, each row once.

    Rows of similar length share a step, and the steps are in random order; an incomplete step comes last. The rows of
    a step depend on `rows_per_step`, but not on how a step is divided among processes and accumulation steps.
    """
    random = np.random.default_rng([seed, epoch])
    shuffled: list[int] = random.permutation(len(lengths)).tolist()
    complete = len(lengths) - len(lengths) % rows_per_step
    steps: list[list[int]] = []
    for start in range(0, complete, STEPS_SORTED_TOGETHER * rows_per_step):
        block = shuffled[start : min(start + STEPS_SORTED_TOGETHER * rows_per_step, complete)]
        block = sorted(block, key=lambda row: -lengths[row])
        steps += [block[first : first + rows_per_step] for first in range(0, len(block), rows_per_step)]
    return [row for step in random.permutation(len(steps)) for row in steps[step]] + shuffled[complete:]


class EpochOrder(Sampler[int], TrainerCallback):
    """Yields the rows in `epoch_order`. As a callback of the trainer, it learns the epoch.

    The trainer's own `set_epoch` does not reach a sampler when several processes resume a run.
    """

    def __init__(self, lengths: Sequence[int], rows_per_step: int, seed: int) -> None:
        self._lengths, self._rows_per_step, self._seed, self._epoch = lengths, rows_per_step, seed, 0

    def on_epoch_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Set the epoch, counted from 0."""
        self._epoch = int(state.epoch or 0)

    def __iter__(self) -> Iterator[int]:
        return iter(epoch_order(self._lengths, self._rows_per_step, self._seed, self._epoch))

    def __len__(self) -> int:
        return len(self._lengths)
