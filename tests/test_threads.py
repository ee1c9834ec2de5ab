"""Test that torch's threads sleep while they wait, by what its OpenMP library says that it read."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["training.trainers.row_trainer", "eval.metrics.embedding"])
@pytest.mark.parametrize(("set_by_user", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_unless_the_user_says_otherwise(module: str, set_by_user: str | None, expected: str) -> None:
    """OMP_DISPLAY_ENV=true makes the library print its settings when it loads."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment["OMP_DISPLAY_ENV"] = "true"
    if set_by_user:
        environment["OMP_WAIT_POLICY"] = set_by_user
    code = f"import {module}, torch"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert re.search(rf"OMP_WAIT_POLICY = '{expected}'", done.stderr)
