"""`make run` and `make reproduce`, in a copy of the project, with the tiny base in place of a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eval.analysis.scores import read_scores
from eval.run_metrics import read_run_metrics
from tests.conftest import REPOSITORY, contents
from tests.corpus_slice import CORPUS_SLICE
from tests.project_copy import copy_project
from tests.tiny import write_tiny_gpt2

# The environment that runs the tests is the one to use as it is: -o tells make not to remake it.
# `make test` would hand on its wish to print folders.
MAKE = ("make", "--no-print-directory", "-o", f"{sys.prefix}/.installed", f"VENV={sys.prefix}", "BASE=tiny")


@pytest.fixture
def project(tmp_path: Path, tiny_base: Path, packaged_models: Path) -> Path:
    """Return a copy of the project with a slice of the open corpus, and with the models."""
    copy_project(tmp_path)
    for recipe in (REPOSITORY / "tests/recipes").iterdir():
        shutil.copy(recipe, tmp_path / "training/recipes")
    models = tmp_path / "data/models"
    models.mkdir(parents=True)
    for folder in (*packaged_models.iterdir(), tiny_base):
        (models / folder.name).symlink_to(folder)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_make_run_twice(project: Path) -> None:
    """The first run makes everything that the README promises; the second changes no file."""
    # At the recipe's rate the tiny base learns from this little to say nothing, which the evaluation refuses.
    # An epoch has seven steps: the run ends within the second one.
    command = [*MAKE, "run", "STEPS=10", "QUESTIONS=20", "TRAIN_ARGS=--learning_rate 1e-6"]

    # Importing readline, as pytest does, sets COLUMNS, which makes the table narrow.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    first = subprocess.run(command, cwd=project, capture_output=True, text=True, env=environment)
    assert first.returncode == 0, first.stdout + first.stderr
    for file in (
        *("data/corpus/README.md", "data/corpus/report.json", "runs/tiny-full/model.safetensors"),
        *("runs/tiny-lora/adapter_model.safetensors", "runs/tiny-full/README.md", "runs/tiny-lora/README.md"),
        *("runs/eval/scores.json", "runs/eval/report.md", "runs/eval/figures/training_loss.png"),
    ):
        assert (project / file).is_file(), file
    table = [line for line in first.stdout.splitlines() if line.startswith("│")]
    names = [line.split("│")[1].strip() for line in table]
    assert [name for name in names if name in ("baseline", "full", "lora")] == ["baseline", "full", "lora"]

    assert "`make reproduce`" in first.stdout
    metrics = read_run_metrics(project / "runs/tiny-full")
    similarities = [epoch.validation_similarity for epoch in metrics.loss_by_epoch]
    assert (len(metrics.loss_by_step), len(similarities)) == (10, 2)
    assert metrics.validation.similarity == max(similarity or -1 for similarity in similarities)
    assert read_scores(project / "runs/eval/scores.json").sampled_questions == 20

    before = contents(project)
    second = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert second.returncode == 0, second.stdout + second.stderr
    assert second.stderr.count("this run is finished; nothing to do") == 2
    assert "answering" not in second.stderr
    after = contents(project)
    assert [name for name in before if "__pycache__" not in name and before[name] != after.get(name)] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_make_reproduce(project: Path) -> None:
    """The full run says how long it takes, and writes results, tables and the figure; here of two steps."""
    # The examples of a few-shot prompt need a base that reads more tokens.
    (project / "data/models/tiny").unlink()
    write_tiny_gpt2(project / "data/models/tiny", CORPUS_SLICE, positions=2048)
    training = "--max_steps 2 --validation_questions 2 --learning_rate 1e-6"
    settings = ("RECORD=yes", "COMPILE_ARGS=", f"TRAIN_ARGS={training}")
    done = subprocess.run([*MAKE, "reproduce", *settings], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 to 4 hours on two quiet CPU cores" in done.stdout.splitlines()[0]
    scores = read_scores(project / "results/open_corpus.json")
    assert [*scores.systems] == ["baseline", "baseline-few-shot", "full", "lora", "full-closed-book"]
    assert scores.sampled_questions is None
    assert {config: entry.n for config, entry in scores.systems["lora"].configs.items()} == {
        "plain": 40,
        "detailed": 45,
    }
    # No published file names a folder of this machine.
    assert all(str(project) not in path.read_text() for path in (project / "results").iterdir())
    mean = scores.systems["full-closed-book"].configs["plain"].metrics["cosine_similarity"].mean
    for page in ("README.md", "docs/evaluation.md"):
        assert f"| **full-closed-book** | {mean:.3f} (" in (project / page).read_text()
    figure = "docs/images/results-light.svg"
    assert (project / figure).read_bytes() != (REPOSITORY / figure).read_bytes()
