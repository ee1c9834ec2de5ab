"""The number of torch's threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


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
