"""The order of the rows: a function of seed and epoch alone, with rows of like length in one step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

# Steps whose rows are sorted by length among themselves: more of them pad less and mix less.
STEPS_SORTED_TOGETHER = 16


def epoch_order(lengths: list[int], rows_a_step: int, seed: int, epoch: int) -> list[int]:
    """Return the row numbers of an epoch in the order of training; each row comes once.

    Rows of like length stand in one step, and the steps in random order; an incomplete step comes last. Which rows a
    step holds does not depend on how it is dealt out to processes and accumulation, given the rows a step.
    """
    random = np.random.default_rng([seed, epoch])
    shuffled = random.permutation(len(lengths))
    whole = len(lengths) - len(lengths) % rows_a_step
    steps = []
    for start in range(0, whole, STEPS_SORTED_TOGETHER * rows_a_step):
        block = shuffled[start : min(start + STEPS_SORTED_TOGETHER * rows_a_step, whole)]
        block = sorted(block.tolist(), key=lambda row: -lengths[row])
        steps += [block[at : at + rows_a_step] for at in range(0, len(block), rows_a_step)]
    in_order = [row for step in random.permutation(len(steps)) for row in steps[step]]
    return in_order + shuffled[whole:].tolist()


class EpochOrderSampler(Sampler[int]):
    """Gives the rows in `epoch_order`, and those without tokens, which complete the last batches, behind them.

    transformers' own group_by_length draws from torch's generator, whose state a resumed run does not find again.
    """

    def __init__(self, lengths: list[int], rows_a_step: int, seed: int) -> None:
        self.lengths = [length for length in lengths if length]
        self.empty_rows = range(len(self.lengths), len(lengths))
        self.rows_a_step = rows_a_step
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration gives."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter([*epoch_order(self.lengths, self.rows_a_step, self.seed, self.epoch), *self.empty_rows])

    def __len__(self) -> int:
        return len(self.lengths) + len(self.empty_rows)


class BeginEpoch(TrainerCallback):
    """Tells the sampler which epoch begins.

    In a run resumed by several processes, `set_epoch` of transformers and accelerate does not reach the sampler: it
    stands behind their batches and the skipping of those that were trained on.
    """

    def __init__(self, sampler: EpochOrderSampler) -> None:
        self.sampler = sampler

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Set the sampler's epoch, counted from 0."""
        self.sampler.set_epoch(int(state.epoch))
