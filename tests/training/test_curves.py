"""Test the curves of a training in trackio on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from tests.conftest import REPOSITORY
from training.sft import main


def test_curves_are_on_this_machine(
    tmp_path: Path,
    tiny_base: Path,
    corpus: Path,
    encoder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two steps: trackio's own command shows the losses that metrics.json has."""
    if "CI" not in os.environ:
        pytest.importorskip("trackio")
    # trackio reads it at import.
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    from trackio.cli import main as trackio

    words = ("--config", REPOSITORY / "tests/recipes/tiny-lora.yaml", "--model_name_or_path", tiny_base)
    words += ("--dataset", corpus, "--encoder", encoder, "--output_dir", tmp_path / "run", "--max_steps", "2")
    words += ("--report_to", "trackio", "--project", "isca-qa", "--run_name", "one")
    main(list(map(str, words)))
    capsys.readouterr()
    shown = ["get", "metric", "--project", "isca-qa", "--run", "one", "--metric", "train/loss", "--json"]
    monkeypatch.setattr("sys.argv", ["trackio", *shown])
    trackio()
    losses = [value["value"] for value in json.loads(capsys.readouterr().out)["values"]]
    steps = json.loads((tmp_path / "run/metrics.json").read_text())["loss_by_step"]
    assert losses == pytest.approx([step["loss"] for step in steps])
    assert len(losses) == 2


def test_missing_trackio_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one message, before the corpus or the model is loaded."""
    monkeypatch.setattr("training.recipe.find_spec", lambda name: None)
    recipe = str(REPOSITORY / "tests/recipes/tiny-full.yaml")
    with pytest.raises(InputError, match="report_to 'trackio': is not installed; run `pip install trackio`"):
        main(["--config", recipe, "--report_to", "trackio"])
