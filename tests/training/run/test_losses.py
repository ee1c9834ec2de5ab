"""What a run says of itself: losses, epochs, energy, and the rows that it shows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.training.trainers import tiny_model
from training.data.preview import preview
from training.data.tokenization import TokenizedPair, rows_by_paper
from training.energy import EnergyMeter
from training.measure import (
    ProgressLine,
    Stopwatch,
    chosen_validation,
    convergence_epoch,
    flops_per_token,
    losses,
    validation_before,
)


def _epochs(*measured: tuple[float | None, float | None]) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch, "train_loss": 1.0, "validation_loss": loss, "validation_similarity": similarity}
        for epoch, (loss, similarity) in enumerate(measured, start=1)
    ]


def test_losses_by_hand() -> None:
    """Two steps an epoch, validation after each: means 2.5 and 1.5; answers scored after the second only."""
    log = [
        {"step": 1, "epoch": 0.5, "loss": 3.0, "grad_norm": 1.0},
        {"step": 2, "epoch": 1.0, "loss": 2.0},
        {"step": 2, "epoch": 1.0, "eval_loss": 2.25},
        {"step": 3, "epoch": 1.5, "loss": 1.75},
        {"step": 4, "epoch": 2.0, "loss": 1.25},
        {"step": 4, "epoch": 2.0, "eval_loss": 2.125},
        {"step": 4, "epoch": 2.0, "eval_similarity": 0.5},
        {"step": 4, "epoch": 2.0, "train_loss": 2.0},
    ]
    by_step, by_epoch = losses(log)
    assert by_step[0] == {"step": 1, "epoch": 0.5, "loss": 3.0}
    assert [step["loss"] for step in by_step] == [3.0, 2.0, 1.75, 1.25]
    assert validation_before(log) == {"loss": None, "similarity": None}
    before = [{"step": 0, "epoch": 0, "eval_loss": 4.0}, {"step": 0, "epoch": 0, "eval_similarity": 0.25}]
    assert validation_before([*before, *log]) == {"loss": 4.0, "similarity": 0.25}
    assert losses([*before, *log]) == (by_step, by_epoch)
    assert by_epoch == [
        {"epoch": 1, "train_loss": 2.5, "validation_loss": 2.25, "validation_similarity": None},
        {"epoch": 2, "train_loss": 1.5, "validation_loss": 2.125, "validation_similarity": 0.5},
    ]


def test_convergence_epoch() -> None:
    """2.02 is within one per cent of 2.0, 2.03 is not."""
    assert convergence_epoch(_epochs((3.0, None), (2.03, None), (2.02, None), (2.0, None), (2.5, None))) == 3
    assert convergence_epoch(_epochs((None, None))) is None


def test_chosen_validation() -> None:
    """The nearest answers, the first of two alike, whatever the loss; without answers the last epoch."""
    of_answers = chosen_validation(_epochs((2.0, 0.5), (2.2, 0.7), (2.4, 0.7)))
    assert of_answers == {"epoch": 2, "loss": 2.2, "similarity": 0.7}
    assert chosen_validation(_epochs((2.0, None), (2.2, None))) == {"epoch": 2, "loss": 2.2, "similarity": None}


def test_energy_of_a_processor_whose_counter_wraps(tmp_path: Path) -> None:
    """From 90 J up to the end at 100 J and on to 5 J: 15 J; a reading within ten seconds of the last adds nothing."""
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "max_energy_range_uj").write_text("100000000\n")
    (package / "energy_uj").write_text("90000000\n")
    meter = EnergyMeter(tmp_path)
    meter._gpus = False
    begun = meter._read_at
    (package / "energy_uj").write_text("5000000\n")
    meter.read(begun + 9)
    assert meter.joules == 0
    meter.read(begun + 11)
    assert meter.joules == pytest.approx(15)
    (package / "energy_uj").write_text("6000000\n")
    meter.read(begun + 12, at_once=True)
    assert meter.joules == pytest.approx(16)


def test_stopwatch_counts_steps_over_both_parts_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of 2 s and 3 s with 10 s of validation between; memory rises to 7, falls to 5 for the resumed part."""
    times, peaks = iter([0.0, 2.0, 12.0, 15.0]), iter([7, 5])
    monkeypatch.setattr("training.measure.clock", lambda: next(times))
    monkeypatch.setattr("training.measure.peak_memory_bytes", lambda: next(peaks))
    state: Any = SimpleNamespace(global_step=1, max_steps=2)
    stopwatch = Stopwatch()
    stopwatch.on_step_begin(None, state, None)
    stopwatch.on_step_end(None, state, None)
    resumed = Stopwatch(**stopwatch.state()["args"])
    resumed.on_step_begin(None, state, None)
    resumed.on_step_end(None, state, None)
    assert (resumed.seconds, resumed.peak_memory_bytes) == (5.0, 7)


def test_speed_shown_is_that_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 tokens in a step of 2 s, 60 s of validation, 300 more in 3 s: 50 and 100 tokens a second, of 1,000 flops."""
    times = iter([0.0, 2.0, 62.0, 65.0])
    monkeypatch.setattr("training.measure.clock", lambda: next(times))
    shown = []
    line = ProgressLine(flops_per_token=10, peak_flops=1000)
    line.training_bar = SimpleNamespace(update=lambda steps: None, set_postfix=shown.append)
    line.current_step = 0
    state: Any = SimpleNamespace(global_step=1, is_world_process_zero=True)
    for tokens in (100, 400):
        line.on_step_begin(None, state, None)
        line.on_step_end(None, state, None)
        line.on_log(None, state, None, logs={"loss": 1.0, "num_tokens": tokens})
    assert [(of["tokens/s"], of["MFU"]) for of in shown] == [("50", "50.0%"), ("100", "100.0%")]


def test_flops_of_a_token() -> None:
    """Two blocks of size 32: q and o 32 x 32, k and v 32 x 16, three of 32 x 64; six operations a weight."""
    weights = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64)
    model = tiny_model("llama")
    assert flops_per_token(model) == 6 * weights
    model.requires_grad_(False)
    assert flops_per_token(model) == 4 * weights


def test_preview_marks_what_carries_loss(tokenizer: Any) -> None:
    """Two questions on one abstract."""

    def ids(text: str) -> list[int]:
        return tokenizer(text)["input_ids"]

    pairs = [
        TokenizedPair("a", ids("The cache is small. Why?"), ids(" Area.")),
        TokenizedPair("a", ids("The cache is small. Since when?"), ids(" Ever.")),
    ]
    shown = preview(rows_by_paper(pairs)[0], tokenizer).plain
    assert shown == "The cache is small. Why? >>> Area.<<<\n Since when? >>> Ever.<<<"
