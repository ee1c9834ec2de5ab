"""The scripts of HF Jobs, run by uv without a network, and what a job keeps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from uv import find_uv_bin

from dataset_builder.job import RESULTS_VARIABLE, run_job
from eval.analysis.scores import read_scores
from eval.run_metrics import read_run_metrics
from tests.conftest import REPOSITORY
from tests.linked_wheels import write_linked_wheels, write_project_wheel

RECIPE = REPOSITORY / "tests/recipes/tiny-lora.yaml"


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., None]:
    """Return a function that runs a script of jobs/ as a job does, with the results in `tmp_path/results`.

    Scripts, wheel and results lie beside each other as in a job. Each job starts in an empty folder, which holds none
    of the project's code.
    """
    shutil.copytree(REPOSITORY / "jobs", tmp_path / "jobs")
    write_linked_wheels(tmp_path / "linked")
    write_project_wheel(tmp_path / "wheels")
    (tmp_path / "results").mkdir()
    settings = {
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        RESULTS_VARIABLE: str(tmp_path / "results"),
    }
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | settings

    def run(script: str, *words: object) -> None:
        disk = tmp_path / f"disk-{script}"
        disk.mkdir()
        offline = ("--offline", "--no-index", "--no-config", "--find-links", tmp_path / "linked")
        command = [find_uv_bin(), "run", *offline, tmp_path / "jobs" / script, *words]
        done = subprocess.run(list(map(str, command)), cwd=disk, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.mark.slow
def test_jobs_train_and_evaluate(
    job: Callable[..., None], corpus: Path, tiny_base: Path, encoder: Path, tmp_path: Path
) -> None:
    """One step of training, then an evaluation of what the first job left."""
    words = ("--model_name_or_path", tiny_base, "--dataset", corpus, "--max_steps", 1, "--validation_questions", 0)
    job("train_model.py", "--config", RECIPE, *words)
    run = tmp_path / "results/tiny-lora"
    assert len(read_run_metrics(run).loss_by_step) == 1
    asked = ("--dataset", corpus, "--configs", "plain", "--questions", 2, "--encoders", encoder)
    job("evaluate_models.py", *asked, "--models", f"lora={run}")
    scores = read_scores(tmp_path / "results/eval/scores.json")
    assert scores.systems["lora"].configs["plain"].n == 2


def _stage(write: Path) -> ModuleType:
    """Return a stage that writes the file `write`."""

    def add_arguments(command: ArgumentParser) -> None:
        """Add none."""

    def run_command(arguments: Namespace) -> None:
        write.parent.mkdir(parents=True)
        write.write_text("1")

    stage = ModuleType("stage", "Write a file.\n\nstage")
    vars(stage).update(add_arguments=add_arguments, run_command=run_command)
    return stage


def test_job_copies_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The results of an earlier job stay."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["job.py"])
    monkeypatch.setenv(RESULTS_VARIABLE, "results")
    Path("results/first").mkdir(parents=True)
    run_job(_stage(Path("runs/second/scores.json")))
    assert {path.name for path in Path("results").iterdir()} == {"first", "second"}
    assert Path("results/second/scores.json").read_text() == "1"


def test_job_without_results_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stage wrote to another folder, which ends with the job."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["job.py"])
    monkeypatch.setenv(RESULTS_VARIABLE, "results")
    with pytest.raises(SystemExit, match="2"):
        run_job(_stage(Path("elsewhere/scores.json")))
    assert "choose an output folder below runs/" in capsys.readouterr().err
