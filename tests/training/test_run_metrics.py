"""The summary of the trainer's log: losses, epochs, and the epoch whose weights are kept."""

from __future__ import annotations

import pytest

from eval.run_metrics import ChosenEpoch, EpochLoss, StepLoss, ValidationScore
from training.guarded_trainer import Stopwatch
from training.run_metrics import chosen_epoch, epoch_losses, step_losses, validation_before


def _epochs(*measured: tuple[float | None, float | None]) -> list[EpochLoss]:
    return [
        EpochLoss(epoch=epoch, train_loss=1.0, validation_loss=loss, validation_similarity=similarity)
        for epoch, (loss, similarity) in enumerate(measured, start=1)
    ]


def test_losses_by_hand() -> None:
    """Two steps an epoch, validation after each: means 2.5 and 1.5; answers scored after the second only."""
    log: list[dict[str, float]] = [
        {"step": 1, "epoch": 0.5, "loss": 3.0, "grad_norm": 1.0},
        {"step": 2, "epoch": 1.0, "loss": 2.0},
        {"step": 2, "epoch": 1.0, "eval_loss": 2.25},
        {"step": 3, "epoch": 1.5, "loss": 1.75},
        {"step": 4, "epoch": 2.0, "loss": 1.25},
        {"step": 4, "epoch": 2.0, "eval_loss": 2.125},
        {"step": 4, "epoch": 2.0, "eval_similarity": 0.5},
        {"step": 4, "epoch": 2.0, "train_loss": 2.0},
    ]
    by_step, by_epoch = step_losses(log), epoch_losses(log)
    assert by_step[0] == StepLoss(step=1, epoch=0.5, loss=3.0)
    assert [step.loss for step in by_step] == [3.0, 2.0, 1.75, 1.25]
    assert validation_before(log) == ValidationScore(loss=None, similarity=None)
    before: list[dict[str, float]] = [
        {"step": 0, "epoch": 0, "eval_loss": 4.0},
        {"step": 0, "epoch": 0, "eval_similarity": 0.25},
    ]
    assert validation_before([*before, *log]) == ValidationScore(loss=4.0, similarity=0.25)
    assert (step_losses([*before, *log]), epoch_losses([*before, *log])) == (by_step, by_epoch)
    assert by_epoch == [
        EpochLoss(epoch=1, train_loss=2.5, validation_loss=2.25, validation_similarity=None),
        EpochLoss(epoch=2, train_loss=1.5, validation_loss=2.125, validation_similarity=0.5),
    ]


def test_epoch_without_a_logged_step_is_kept() -> None:
    """With a log every 25 steps and epochs of 10, two epochs have no loss; the first one has the best answers."""
    log: list[dict[str, float]] = [
        {"step": 0, "epoch": 0, "eval_similarity": 0.3},
        {"step": 10, "epoch": 1.0, "eval_similarity": 0.9},
        {"step": 20, "epoch": 2.0, "eval_similarity": 0.5},
        {"step": 25, "epoch": 2.5, "loss": 1.5},
        {"step": 30, "epoch": 3.0, "eval_similarity": 0.4},
    ]
    epochs = epoch_losses(log)
    assert [(epoch.epoch, epoch.train_loss) for epoch in epochs] == [(1, None), (2, None), (3, 1.5)]
    assert chosen_epoch(epochs) == ChosenEpoch(epoch=1, loss=None, similarity=0.9)


def test_chosen_epoch() -> None:
    """The most similar answers, the first of two equal ones, whatever the loss; without answers the last epoch."""
    by_answers = chosen_epoch(_epochs((2.0, 0.5), (2.2, 0.7), (2.4, 0.7)))
    assert by_answers == ChosenEpoch(epoch=2, loss=2.2, similarity=0.7)
    assert chosen_epoch(_epochs((2.0, None), (2.2, None))) == ChosenEpoch(epoch=2, loss=2.2, similarity=None)
    assert chosen_epoch([]) == ChosenEpoch(epoch=None, loss=None, similarity=None)


def test_stopwatch_counts_steps_over_both_parts_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of 2 s and 3 s with 10 s of validation between; memory rises to 7, falls to 5 for the resumed part."""
    times, peaks = iter([0.0, 2.0, 12.0, 15.0]), iter([7, 5])
    monkeypatch.setattr("training.guarded_trainer._clock", lambda: next(times))
    monkeypatch.setattr("training.guarded_trainer.peak_memory_bytes", lambda: next(peaks))
    stopwatch = Stopwatch()
    stopwatch.on_step_begin()
    stopwatch.on_step_end()
    resumed = Stopwatch(**stopwatch.state()["args"])
    resumed.on_step_begin()
    resumed.on_step_end()
    assert (resumed.seconds, resumed.peak_memory_bytes) == (5.0, 7)
