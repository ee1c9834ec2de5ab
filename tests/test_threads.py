"""Test that torch's threads sleep while they wait, by what its OpenMP library says that it read."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

# The modules import torch among much else; what was set before it is what counts.
STOP_AFTER_TORCH = """
import os, sys
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "torch":
            sys.meta_path.remove(self)
            import torch
            os._exit(0)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("module", ["training.trainers.row_trainer", "eval.metrics.embedding"])
@pytest.mark.parametrize(("set_by_user", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_unless_the_user_says_otherwise(module: str, set_by_user: str | None, expected: str) -> None:
    """OMP_DISPLAY_ENV=true makes the library print its settings when it loads."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment["OMP_DISPLAY_ENV"] = "true"
    if set_by_user:
        environment["OMP_WAIT_POLICY"] = set_by_user
    code = f"{STOP_AFTER_TORCH}\nimport {module}"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert re.search(rf"OMP_WAIT_POLICY = '{expected}'", done.stderr)


@pytest.mark.parametrize(
    ("set_variables", "all_cores"),
    [
        ({}, True),
        ({"OMP_NUM_THREADS": "1"}, False),
        ({"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "False"}, True),
        ({"OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": "1"}, True),
    ],
)
def test_all_cores_are_used_unless_the_user_says_otherwise(set_variables: dict[str, str], all_cores: bool) -> None:
    """The launcher's own default of one thread is not the user's."""
    names = {"OMP_NUM_THREADS", "ACCELERATE_USE_CPU", "LOCAL_WORLD_SIZE", "CUDA_VISIBLE_DEVICES"}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    environment = kept | set_variables | {"CUDA_VISIBLE_DEVICES": ""}
    code = "import torch; from dataset_builder.hardware import use_all_threads as use; use()"
    code = f"import os; os.sched_getaffinity = lambda _: range(3); {code}; print(torch.get_num_threads())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ("3\n" if all_cores else "1\n")
