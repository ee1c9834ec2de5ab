"""The notebook of a model as it is written; tests/model_cards/test_publish.py runs it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import datasets
import nbformat
import pytest

from model_cards.cards.notebook import REQUIREMENTS, model_notebook
from model_cards.names import Names
from model_cards.trained_run import TrainedRun
from model_cards.training_data import Corpus, TrainingData
from tests.conftest import REPOSITORY
from tests.eval.report.example import METRICS
from tests.model_cards.small_release import ENVIRONMENT

CORPUS = Corpus("lab/isca-qa", "0" * 40, None)


def _cells(is_adapter: bool, note: str | None = None) -> list[str]:
    """Return the texts of the cells of a notebook."""
    metrics = METRICS["good"].model_copy(update={"base_model_note": note})
    run = TrainedRun("good", "runs/good", Path("runs/good"), is_adapter, metrics, ENVIRONMENT, {})
    names = Names("lab/model", "somebody/base", True, CORPUS, TrainingData(CORPUS), None)
    notebook = nbformat.reads(model_notebook(run, names).decode(), as_version=4)
    nbformat.validate(notebook)
    assert all("\n\n\n\n" not in cell.source and "{{" not in cell.source for cell in notebook.cells)
    return [cell.source for cell in notebook.cells]


def test_adapter_and_full_model_differ_in_loading_only() -> None:
    """One cell differs: an adapter is loaded onto its base model."""
    different = [pair for pair in zip(_cells(True), _cells(False), strict=True) if pair[0] != pair[1]]
    ((adapter, full),) = different
    assert 'PeftModel.from_pretrained(base, "lab/model")' in adapter
    assert 'model = AutoModelForCausalLM.from_pretrained("lab/model")' in full and "peft" not in full


def test_notebook_says_that_the_base_model_differs() -> None:
    """If the adapter was trained on a changed copy of the base model."""
    comment = "# The adapter was trained and scored on a slightly different base model"
    assert [comment in "".join(_cells(True, note)) for note in ("The weights were changed.", None)] == [True, False]


def test_corpus_without_abstracts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell that loads the corpus says what to do. It loads the pinned revision."""
    (cell,) = [cell for cell in _cells(True) if "load_dataset(" in cell]
    asked = []

    def load(name: str, revision: str) -> dict[str, list[dict[str, None]]]:
        asked.append((name, revision))
        return {"test": [{"context": None}]}

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(ValueError, match="published without abstracts"):
        exec(compile(cell, "cell", "exec"), {})
    assert asked == [(CORPUS.dataset, CORPUS.revision)]


def test_packages_are_those_of_the_project() -> None:
    """Each requirement is one of pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(REQUIREMENTS) < set(project["dependencies"])
