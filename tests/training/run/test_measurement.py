"""The measurements of a run: time, memory, speed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from training.run.stopwatch import Stopwatch


def test_stopwatch_counts_steps_over_both_parts_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of 2 s and 3 s with 10 s of validation between; memory rises to 7, falls to 5 for the resumed part."""
    times, peaks = iter([0.0, 2.0, 12.0, 15.0]), iter([7, 5])
    monkeypatch.setattr("training.run.stopwatch.clock", lambda: next(times))
    monkeypatch.setattr("training.run.stopwatch.peak_memory_bytes", lambda: next(peaks))
    unused: Any = None
    stopwatch = Stopwatch()
    stopwatch.on_step_begin(unused, unused, unused)
    stopwatch.on_step_end(unused, unused, unused)
    resumed = Stopwatch(**stopwatch.state()["args"])
    resumed.on_step_begin(unused, unused, unused)
    resumed.on_step_end(unused, unused, unused)
    assert (resumed.seconds, resumed.peak_memory_bytes) == (5.0, 7)


def test_speed_shown_counts_the_steps_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 tokens in a step of 2 s, 60 s of validation, 300 more in 3 s: 50 and 100 tokens a second."""
    times = iter([0.0, 2.0, 62.0, 65.0])
    monkeypatch.setattr("training.run.stopwatch.clock", lambda: next(times))
    unused: Any = None
    # 7 seconds were measured before the run was interrupted.
    stopwatch = Stopwatch(seconds=7.0)
    _begin(stopwatch, disable_tqdm=True)
    shown = []
    for tokens in (100, 400):
        stopwatch.on_step_begin(unused, unused, unused)
        stopwatch.on_step_end(unused, unused, unused)
        shown.append(stopwatch.describe({"loss": 1.0, "num_tokens": tokens}))
    assert shown == [{"loss": "1.000", "tokens/s": "50"}, {"loss": "1.000", "tokens/s": "100"}]


def _begin(stopwatch: Stopwatch, disable_tqdm: bool) -> None:
    args: Any = SimpleNamespace(disable_tqdm=disable_tqdm)
    state: Any = SimpleNamespace(is_world_process_zero=True, max_steps=4, global_step=2)
    stopwatch.on_train_begin(args, state, None)


def test_bar_of_a_resumed_run_starts_at_its_step(capsys: pytest.CaptureFixture[str]) -> None:
    """Step 3 of 4 done; the log of the step follows the bar, a validation does not change it."""
    unused: Any = None
    stopwatch = Stopwatch()
    _begin(stopwatch, disable_tqdm=False)
    stopwatch.on_step_begin(unused, unused, unused)
    stopwatch.on_step_end(unused, unused, unused)
    stopwatch.on_log(unused, unused, unused, logs={"loss": 0.75, "num_tokens": 100})
    stopwatch.on_log(unused, unused, unused, logs={"eval_loss": 0.25})
    stopwatch.on_train_end(unused, unused, unused)
    shown = capsys.readouterr().err
    assert "3/4" in shown
    assert "loss=0.750" in shown
    assert "0.25" not in shown
