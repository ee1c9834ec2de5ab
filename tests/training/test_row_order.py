"""The order of the rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from training.row_order import EpochOrder, epoch_order

LENGTHS = [100 + 37 * row % 300 for row in range(203)]


def test_each_row_once_and_another_order_each_epoch() -> None:
    """203 rows in fours; the order is the same for the same seed and epoch, and another otherwise."""
    order = epoch_order(LENGTHS, 4, seed=1, epoch=0)
    assert sorted(order) == list(range(203))
    assert order == epoch_order(LENGTHS, 4, seed=1, epoch=0)
    assert order != epoch_order(LENGTHS, 4, seed=1, epoch=1)
    assert order != epoch_order(LENGTHS, 4, seed=2, epoch=0)


def test_rows_of_like_length_share_a_step() -> None:
    """Lengths 100, 137, ... up to 399 at random: padded to the longest, fours in file order waste over a quarter."""

    def waste(order: list[int]) -> float:
        steps = [order[at : at + 4] for at in range(0, 200, 4)]
        padded = sum(4 * max(LENGTHS[row] for row in step) for step in steps)
        return 1 - sum(LENGTHS[row] for step in steps for row in step) / padded

    assert waste(list(range(203))) > 0.25
    assert waste(epoch_order(LENGTHS, 4, seed=0, epoch=0)) < 0.05


def test_incomplete_step_comes_last() -> None:
    """Seven rows in threes: two steps of three sorted rows, and one row over."""
    order = epoch_order([7, 1, 6, 2, 5, 3, 4], 3, seed=0, epoch=0)
    lengths = [[7, 1, 6, 2, 5, 3, 4][row] for row in order]
    assert lengths[:3] == sorted(lengths[:3], reverse=True)
    assert lengths[3:6] == sorted(lengths[3:6], reverse=True)


@pytest.mark.parametrize("process", [0, 1])
def test_two_processes_that_resume_have_the_order_of_the_epoch(process: int) -> None:
    """The batches that accelerate deals one of two, in epoch 1, with the first three skipped as a resumed run does."""
    from accelerate import skip_first_batches
    from accelerate.data_loader import prepare_data_loader
    from torch.utils.data import DataLoader

    lengths = LENGTHS[:32]
    sampler = EpochOrder(lengths, 4, seed=3)
    loader: Any = prepare_data_loader(
        DataLoader(range(32), sampler=sampler, batch_size=2),
        num_processes=2,
        process_index=process,
        put_on_device=False,
    )
    resumed: Any = skip_first_batches(loader, 3)
    arguments: Any = SimpleNamespace(epoch=1.375)
    sampler.on_epoch_begin(None, arguments, None)
    resumed.set_epoch(1)
    found = [row for batch in resumed for row in batch.tolist()]
    steps = epoch_order(lengths, 4, seed=3, epoch=1)
    assert found == [row for at in range(12, 32, 4) for row in steps[at + 2 * process : at + 2 * process + 2]]
