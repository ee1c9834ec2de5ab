"""The run folder: the run that it holds, and its complete checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from eval.run_metrics import ChosenEpoch, RunEnvironment, RunMetrics, ValidationScore, read_run_metrics
from training import run_folder
from training.run_folder import RunInputs, decisive, finish_run, last_complete_checkpoint

RECIPE = {"learning_rate": 0.1, "output_dir": "runs/a", "seed": 0}
METRICS = RunMetrics(
    base_model=None,
    base_model_path="models/base",
    base_model_note=None,
    method="full",
    dataset="corpus",
    dataset_revision=None,
    license=None,
    seed=0,
    train_pairs=1,
    epochs=1,
    train_seconds=1,
    peak_memory_bytes=1,
    trainable_parameters=1,
    tokens_per_second=1,
    loss_by_step=[],
    loss_by_epoch=[],
    validation_before=ValidationScore(loss=None, similarity=None),
    validation=ChosenEpoch(epoch=1, loss=None, similarity=None),
)
ENVIRONMENT = RunEnvironment(
    device="CPU", devices=1, threads=1, precision="float32", python="3.11", packages={}, commit="0"
)


def open_run(
    folder: Path, recipe: dict, rows_per_step: int, rows: str, start: str, encoder: str | None = None
) -> bool:
    """Open the folder for a run with these inputs."""
    inputs = RunInputs(
        recipe=decisive(recipe),
        rows_per_step=rows_per_step,
        train_rows_sha256=rows,
        start_model_sha256=start,
        encoder_sha256=encoder,
    )
    return run_folder.open_run(folder, inputs, recipe)


def test_folder_is_open_until_metrics_are_there(tmp_path: Path) -> None:
    """Opened twice, then finished; the pickle and the checkpoints are gone by then."""
    folder = tmp_path / "run"
    assert open_run(folder, RECIPE, 4, "rows", "start") is False
    assert open_run(folder, RECIPE, 4, "rows", "start") is False
    (folder / "checkpoint-3").mkdir()
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "training_args.bin").write_bytes(b"")
    finish_run(folder, METRICS, ENVIRONMENT)
    assert read_run_metrics(folder) == METRICS
    assert open_run(folder, RECIPE, 4, "rows", "start") is True
    assert {path.name for path in folder.iterdir()} == {
        "model.safetensors",
        "recipe.yaml",
        "inputs.json",
        "environment.json",
        "metrics.json",
    }


def test_kill_while_checkpoints_are_removed_loses_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is finished before the first of them is removed, and the next start removes the others."""
    open_run(tmp_path, RECIPE, 4, "rows", "start")
    (tmp_path / "checkpoint-3").mkdir()
    (tmp_path / "model.safetensors").write_bytes(b"")

    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        finish_run(tmp_path, METRICS, ENVIRONMENT)
    monkeypatch.undo()
    assert read_run_metrics(tmp_path) == METRICS
    assert open_run(tmp_path, RECIPE, 4, "rows", "start") is True
    assert not (tmp_path / "checkpoint-3").exists()


def test_checkpoints_stay_where_no_model_was_saved(tmp_path: Path) -> None:
    """As under FSDP when each process keeps its part: they are all there is of the training."""
    open_run(tmp_path, RECIPE, 4, "rows", "start")
    (tmp_path / "checkpoint-3").mkdir()
    with pytest.raises(InputError, match="no model was saved there, so its checkpoints were kept"):
        finish_run(tmp_path, METRICS, ENVIRONMENT)
    assert (tmp_path / "checkpoint-3").is_dir()
    assert open_run(tmp_path, RECIPE, 4, "rows", "start") is False


def test_folder_that_was_being_made_is_made(tmp_path: Path) -> None:
    """A kill may leave the half of inputs.json, or inputs.json without recipe.yaml."""
    (tmp_path / ".partial.inputs.json").write_text("{")
    assert open_run(tmp_path, RECIPE, 4, "rows", "start") is False
    recipe = (tmp_path / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").unlink()
    assert open_run(tmp_path, RECIPE, 4, "rows", "start") is False
    assert (tmp_path / "recipe.yaml").read_text() == recipe


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    """Another value, other rows; a key without effect on the model does not count."""
    open_run(tmp_path / "run", RECIPE, 4, "rows", "start")
    (tmp_path / "run/checkpoint-1").mkdir()
    (tmp_path / "run/checkpoint-1/trainer_state.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds a run with learning_rate 0\.1 where this one has 0\.2"):
        open_run(tmp_path / "run", {**RECIPE, "learning_rate": 0.2}, 4, "rows", "start")
    with pytest.raises(InputError, match="holds a run with other training rows than this one"):
        open_run(tmp_path / "run", RECIPE, 4, "others", "start")
    with pytest.raises(InputError, match="holds a run with rows_per_step 4 where this one has 8"):
        open_run(tmp_path / "run", RECIPE, 8, "rows", "start")
    with pytest.raises(InputError, match="holds a run with another model at model_name_or_path than there is now"):
        open_run(tmp_path / "run", RECIPE, 4, "rows", "other start")
    with pytest.raises(InputError, match="holds a run with another encoder than there is now"):
        open_run(tmp_path / "run", RECIPE, 4, "rows", "start", "an encoder")
    halved = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}
    assert open_run(tmp_path / "run", {**RECIPE, **halved}, 4, "rows", "start") is False
    assert (
        open_run(tmp_path / "run", {**RECIPE, "output_dir": "runs/b", "logging_steps": 5}, 4, "rows", "start") is False
    )
    assert open_run(tmp_path / "run", {**RECIPE, "report_to": "trackio", "run_name": "a"}, 4, "rows", "start") is False
    less_memory = {"activation_checkpointing": True}
    assert open_run(tmp_path / "run", {**RECIPE, **less_memory}, 4, "rows", "start") is False


def test_run_without_a_step_can_be_corrected(tmp_path: Path) -> None:
    """A first command with a wrong key leaves its recipe; a checkpoint that was cut off is no step either."""
    open_run(tmp_path, {**RECIPE, "lora_r": 0}, 4, "rows", "start")
    (tmp_path / "checkpoint-1").mkdir()
    assert open_run(tmp_path, RECIPE, 4, "rows", "start") is False
    assert "lora_r" not in (tmp_path / "recipe.yaml").read_text()
    (tmp_path / "checkpoint-1/trainer_state.json").write_text("{}")
    with pytest.raises(InputError, match="holds a run with seed 0 where this one has 1"):
        open_run(tmp_path, {**RECIPE, "seed": 1}, 4, "rows", "start")


def test_finished_run_without_weights_is_noticed(tmp_path: Path) -> None:
    """Its metrics are there, but not its model."""
    open_run(tmp_path, RECIPE, 4, "rows", "start")
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(b"")
    finish_run(tmp_path, METRICS, ENVIRONMENT)
    weights.unlink()
    with pytest.raises(
        InputError, match=r"its weights \(\*\.safetensors\) are missing; restore them, or remove .*metr"
    ):
        open_run(tmp_path, RECIPE, 4, "rows", "start")


def test_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    """Somebody's notes."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files that are not a training run"):
        open_run(tmp_path, RECIPE, 4, "rows", "start")


def test_checkpoint_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    """Number 12 lacks its state, number 9 has half of it, number 6 is complete; 12 comes after 9 by number."""
    for step, state in ((6, '{"global_step": 6}'), (9, '{"global_'), (12, None)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert last_complete_checkpoint(tmp_path) == str(tmp_path / "checkpoint-6")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-6"]
    assert last_complete_checkpoint(tmp_path / "none") is None
