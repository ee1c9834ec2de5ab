"""Test the benchmark of answering on the tiny model."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path


def test_benchmark_ends_in_the_ratio(stage: Callable, corpus: Path, tiny_base: Path) -> None:
    """Both give the same answers, and the last line is the ratio of the speeds."""
    done = stage(
        *("tests.bench_eval", "--model", tiny_base, "--dataset", corpus, "--configs", "plain", "detailed"),
        *("--questions", "3", "--alone", "2"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("6 questions on ")
    assert lines[3] == "same answers: 2 of 2"
    alone, together = (float(re.search(r"([\d.]+) answers/s", line).group(1)) for line in lines[1:3])
    ratio = float(re.fullmatch(r"ratio: (\d+\.\d\d)", lines[-1]).group(1))
    assert abs(ratio - together / alone) < 0.02 * ratio + 0.01
