"""The run folder: whose run it holds, and which checkpoint is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from training.run_folder import finish_run, last_whole_checkpoint, open_run

RECIPE = {"learning_rate": 0.1, "output_dir": "runs/a", "seed": 0}


def test_folder_is_open_until_metrics_are_there(tmp_path: Path) -> None:
    """Opened twice, then finished; the pickle and the checkpoints are gone by then."""
    folder = tmp_path / "run"
    assert open_run(folder, RECIPE, 4, "rows") is False
    assert open_run(folder, RECIPE, 4, "rows") is False
    (folder / "checkpoint-3").mkdir()
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "training_args.bin").write_bytes(b"")
    finish_run(folder, {"seed": 0}, {})
    assert open_run(folder, RECIPE, 4, "rows") is True
    assert {path.name for path in folder.iterdir()} == {
        "model.safetensors",
        "recipe.yaml",
        "inputs.json",
        "environment.json",
        "metrics.json",
    }


def test_checkpoints_stay_where_no_model_was_saved(tmp_path: Path) -> None:
    """As under FSDP when each process keeps its part: they are all there is of the training."""
    open_run(tmp_path, RECIPE, 4, "rows")
    (tmp_path / "checkpoint-3").mkdir()
    with pytest.raises(InputError, match="no model was saved there, so its checkpoints were left"):
        finish_run(tmp_path, {"seed": 0}, {})
    assert (tmp_path / "checkpoint-3").is_dir()
    assert open_run(tmp_path, RECIPE, 4, "rows") is False


def test_folder_that_was_being_made_is_made(tmp_path: Path) -> None:
    """A kill may leave the half of inputs.json, or inputs.json without recipe.yaml."""
    (tmp_path / ".partial.inputs.json").write_text("{")
    assert open_run(tmp_path, RECIPE, 4, "rows") is False
    recipe = (tmp_path / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").unlink()
    assert open_run(tmp_path, RECIPE, 4, "rows") is False
    assert (tmp_path / "recipe.yaml").read_text() == recipe


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    """Another value, other rows; a key without effect on the model does not count."""
    open_run(tmp_path / "run", RECIPE, 4, "rows")
    with pytest.raises(InputError, match=r"holds a run with learning_rate 0\.1 where this one has 0\.2"):
        open_run(tmp_path / "run", {**RECIPE, "learning_rate": 0.2}, 4, "rows")
    with pytest.raises(InputError, match="holds a run with other training rows than this one"):
        open_run(tmp_path / "run", RECIPE, 4, "others")
    with pytest.raises(InputError, match="holds a run with rows_a_step 4 where this one has 8"):
        open_run(tmp_path / "run", RECIPE, 8, "rows")
    halved = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}
    assert open_run(tmp_path / "run", {**RECIPE, **halved}, 4, "rows") is False
    assert open_run(tmp_path / "run", {**RECIPE, "output_dir": "runs/b", "logging_steps": 5}, 4, "rows") is False


def test_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """Somebody's notes."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files that are no run"):
        open_run(tmp_path, RECIPE, 4, "rows")


def test_output_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file stands where a folder is wanted, which stops root as well."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written to"):
        open_run(tmp_path / "file/run", RECIPE, 4, "rows")


def test_checkpoint_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    """Number 12 lacks its state, number 9 has half of it, number 6 is whole; 12 comes after 9 by number, not name."""
    for step, state in ((6, '{"global_step": 6}'), (9, '{"global_'), (12, None)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert last_whole_checkpoint(tmp_path) == str(tmp_path / "checkpoint-6")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-6"]
    assert last_whole_checkpoint(tmp_path / "none") is None
