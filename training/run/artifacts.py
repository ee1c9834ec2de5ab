"""What a run leaves: the model, and metrics.json, which says that it is finished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.failures import saving
from training.measure import Stopwatch, losses, validation_before
from training.recipe import Recipe
from training.run_folder import finish_run


def stopwatch_of(trainer: Any) -> Stopwatch:
    """Return the trainer's stopwatch; a resumed run has another than the one that it was given."""
    return next(callback for callback in trainer.callback_handler.callbacks if isinstance(callback, Stopwatch))


def keep(
    trainer: Any, recipe: Recipe, revision: str, base: str, method: str, pairs: int, measured: dict[str, Any]
) -> None:
    """Save the model that was trained from `base` on so many pairs, then what the run measured.

    `revision` is that of the corpus when the rows were loaded.

    `measured` holds the keys of metrics.json that not every kind of training has, or has in its own way. To be called
    by every process.
    """
    from training.hardware import environment

    output_dir = Path(recipe.training.output_dir)
    sharded = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    if sharded is not None:
        # By its default, each process keeps its part, and the trainer then writes no model at all.
        sharded.set_state_dict_type("FULL_STATE_DICT")
    with saving("the model", output_dir):
        trainer.save_model()
    if not trainer.is_world_process_zero():
        return
    stopwatch = stopwatch_of(trainer)
    loss_by_step, loss_by_epoch = losses(trainer.state.log_history)
    metrics = {
        **base_model(base),
        "method": method,
        "dataset": recipe.corpus.dataset,
        "dataset_revision": revision,
        "license": recipe.corpus.license,
        "seed": recipe.training.seed,
        "train_pairs": pairs,
        "epochs": trainer.state.epoch,
        "train_seconds": stopwatch.seconds,
        "energy_joules": stopwatch.joules,
        "peak_memory_bytes": stopwatch.peak_memory_bytes,
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "loss_by_step": loss_by_step,
        "loss_by_epoch": loss_by_epoch,
        "validation_before": validation_before(trainer.state.log_history),
        **measured,
    }
    precision = "bfloat16 autocast" if recipe.training.bf16 else "float32"
    with saving("what the run measured", output_dir):
        finish_run(output_dir, metrics, environment(precision))


def base_model(path: str) -> dict[str, str | None]:
    """Return `base_model`, the base's id on the Hub, apart from `base_model_path`, what it was loaded from.

    The id of a folder is known only where its source.json tells it; `base_model_note` then says how the folder's
    weights differ from the Hub's.
    """
    from dataset_builder.files import read_json
    from dataset_builder.packaged_models import SOURCE_FILE

    if not Path(path).is_dir():
        return {"base_model": path, "base_model_path": path, "base_model_note": None}
    source = read_json(Path(path) / SOURCE_FILE) if (Path(path) / SOURCE_FILE).is_file() else {}
    return {"base_model": source.get("hub_id"), "base_model_path": path, "base_model_note": source.get("note")}
