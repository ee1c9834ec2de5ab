"""The notebook of the whole study, which is run with a tiny model in place of GPT-2."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest

from eval.analysis.scores import read_scores
from tests.conftest import REPOSITORY
from tests.hub.running import RunningHub
from tests.model_cards.test_publish import UPLOAD_BASE
from tests.notebooks import run_notebook
from tests.project_copy import copy_project

NOTEBOOK = REPOSITORY / "notebooks/study.ipynb"


def read_notebook() -> nbformat.NotebookNode:
    """Return the notebook."""
    return nbformat.read(NOTEBOOK, as_version=4)


def test_notebook_is_tracked_without_outputs() -> None:
    """It is valid, and in the form in which nbformat writes it."""
    notebook = read_notebook()
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count] == []
    assert NOTEBOOK.read_text(encoding="utf-8") == f"{nbformat.writes(notebook)}\n"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_notebook_runs(hub: RunningHub, tiny_base: Path, encoder: Path, tmp_path: Path) -> None:
    """All cells but the installation, in a copy of the project; models and encoder come from the Hub.

    The cells that install the project are skipped, since the tests have no network.
    """
    for folder, name in ((tiny_base, "openai-community/gpt2"), (encoder, "sentence-transformers/all-MiniLM-L6-v2")):
        assert hub.run(tmp_path / "home", "-c", UPLOAD_BASE, folder, name).returncode == 0
    project = tmp_path / "project"
    project.mkdir()
    copy_project(project)
    notebook = read_notebook()
    (settings,) = [cell for cell in notebook.cells if cell.source.startswith("%env STEPS=-1\n")]
    settings.source = settings.source.replace("-1", "2")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = run_notebook(notebook, hub, project, PATH=path)
    scores = read_scores(project / "runs/eval/scores.json")
    assert list(scores.systems) == ["baseline", "full", "lora"]
    assert shown.count("report.html, report.md, scores, predictions and figures: runs/eval") == 1
    outputs = [output.data for output in notebook.cells[-1].outputs]
    figures = (project / "runs/eval/report.md").read_text().count("![")
    assert figures > 0 and sum("image/png" in data for data in outputs) == figures
    assert outputs[0]["text/markdown"].startswith("# Evaluation report")
