"""Order the training rows: the order depends on seed and epoch only, and rows of similar length share a step."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow.compute as pc
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerState

from dataset_builder.corpus.rows import ROWS_AT_ONCE

# The number of steps whose rows are sorted by length together: a larger number pads less and mixes less.
STEPS_SORTED_TOGETHER = 16


def row_lengths(rows: Dataset) -> np.ndarray:
    """Return the number of tokens of each row: (rows,), int64."""
    tables = rows.select_columns("input_ids").with_format("arrow").iter(ROWS_AT_ONCE)
    lengths = [pc.list_value_length(table["input_ids"]).to_numpy() for table in tables]
    return np.concatenate(lengths, dtype=np.int64) if lengths else np.zeros(0, dtype=np.int64)


def epoch_order(lengths: np.ndarray | Sequence[int], rows_per_step: int, seed: int, epoch: int) -> list[int]:
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
    in_order = [row for step in random.permutation(len(steps)) for row in steps[step]]
    return in_order + shuffled[complete:]


class EpochOrderSampler(Sampler[int]):
    """Yields the rows in `epoch_order`, then the rows without tokens, which complete the last batches.

    transformers' own group_by_length draws from torch's generator, whose state a resumed run does not restore.
    """

    def __init__(self, lengths: np.ndarray | Sequence[int], rows_per_step: int, seed: int) -> None:
        lengths = np.asarray(lengths)
        self._lengths = lengths[lengths > 0]
        self._empty_rows = range(len(self._lengths), len(lengths))
        self._rows_per_step = rows_per_step
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter([*epoch_order(self._lengths, self._rows_per_step, self._seed, self._epoch), *self._empty_rows])

    def __len__(self) -> int:
        return len(self._lengths) + len(self._empty_rows)


class HasEpochs(Protocol):
    """An order that differs by epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0."""


class BeginEpoch(TrainerCallback):
    """Sets the epoch of an order.

    In a run that several processes resume, `set_epoch` of transformers and accelerate does not reach the sampler: they
    wrap it in their own batches and in the skipping of the batches that were trained on.
    """

    def __init__(self, order: HasEpochs) -> None:
        self._order = order

    def on_epoch_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Set the epoch, counted from 0."""
        self._order.set_epoch(int(state.epoch or 0))
