"""`make run` itself, in a copy of the project, with the tiny base in place of a real one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, contents

COPIED = ("dataset_builder", "eval", "training", "model_cards", "Makefile", "accelerate_config.yaml")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_make_run_twice(tmp_path: Path, tiny_base: Path, packaged_models: Path) -> None:
    """The first run makes everything that the README promises; the second changes no file."""
    for name in COPIED:
        source = REPOSITORY / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path)
    for recipe in (REPOSITORY / "tests/recipes").iterdir():
        shutil.copy(recipe, tmp_path / "training/recipes")
    models = tmp_path / "data/models"
    models.mkdir(parents=True)
    for folder in (*packaged_models.iterdir(), tiny_base):
        (models / folder.name).symlink_to(folder)
    # The environment that runs the tests is the one to use as it is: -o tells make not to remake it.
    stamp = f"{sys.prefix}/.installed"
    # At the recipe's rate the tiny base learns from this little to say nothing, which the evaluation refuses.
    settings = ("BASE=tiny", "EPOCHS=2", "TRAIN_ARGS=--learning_rate 1e-6")
    command = ["make", "-o", stamp, "run", f"VENV={sys.prefix}", *settings]

    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert first.returncode == 0, first.stdout + first.stderr
    for file in (
        *("data/corpus/README.md", "data/corpus/report.json", "runs/tiny-full/model.safetensors"),
        *("runs/tiny-lora/adapter_model.safetensors", "runs/tiny-full/README.md", "runs/tiny-lora/README.md"),
        *("runs/eval/scores.json", "runs/eval/report.md", "runs/eval/figures/training_loss.png"),
    ):
        assert (tmp_path / file).is_file(), file
    table = [line for line in first.stdout.splitlines() if line.startswith("│")]
    names = [line.split("│")[1].strip() for line in table]
    assert [name for name in names if name in ("baseline", "full", "lora")] == ["baseline", "full", "lora"]

    before = contents(tmp_path)
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert second.returncode == 0, second.stdout + second.stderr
    assert second.stderr.count("this run is finished; nothing to do") == 2
    assert "answering" not in second.stderr
    after = contents(tmp_path)
    assert [name for name in before if "__pycache__" not in name and before[name] != after.get(name)] == []
