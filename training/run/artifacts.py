"""Save the results of a run: the model, environment.json, and metrics.json, which marks the run as finished."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import Trainer

from dataset_builder.models.packaged import read_model_source
from eval.run_metrics import ChosenEpoch, EpochLoss, RunMetrics, StepLoss, ValidationScore
from training.hardware import run_environment
from training.run.failures import explain_write_failures
from training.run.folder import finish_run
from training.run.recipe import Recipe
from training.run.stopwatch import find_stopwatch

# The trainer's log: one dict for each logging step and each validation, with keys that transformers defines.
Log = list[dict[str, float]]


@dataclass(frozen=True)
class TrainingPairs:
    """The corpus of a run at its `revision`, and the number of its training `pairs`."""

    dataset: str
    revision: str | None
    pairs: int


def run_metrics(
    trainer: Trainer, recipe: Recipe[Any, Any], data: TrainingPairs, base: str, **method_metrics: Any
) -> RunMetrics:
    """Return the metrics of a trained model.

    `base` is the folder or Hub id of the base model. `method_metrics` are the fields of `RunMetrics` that each method
    of training measures for itself.
    """
    stopwatch = find_stopwatch(trainer)
    log = trainer.state.log_history
    epochs = epoch_losses(log)
    is_folder = Path(base).is_dir()
    source = read_model_source(Path(base)) if is_folder else None
    parameters = trainer.model.parameters() if trainer.model is not None else ()
    return RunMetrics(
        base_model=source.hub_id if source else None if is_folder else base,
        base_model_path=base,
        base_model_note=source.note if source else None,
        dataset=data.dataset,
        dataset_revision=data.revision,
        license=recipe.keys.license,
        seed=recipe.training.seed,
        train_pairs=data.pairs,
        epochs=trainer.state.epoch or 0.0,
        train_seconds=stopwatch.seconds,
        peak_memory_bytes=stopwatch.peak_memory_bytes,
        trainable_parameters=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        loss_by_step=step_losses(log),
        loss_by_epoch=epochs,
        validation_before=validation_before(log),
        **method_metrics,
    )


def save_run(trainer: Trainer, metrics: RunMetrics) -> None:
    """Save the trained model, then finish its run folder. Every process must call this."""
    output_dir = Path(trainer.args.output_dir or "")
    sharded = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    if sharded is not None:
        # By default each process keeps its part of the model, and the trainer saves none.
        sharded.set_state_dict_type("FULL_STATE_DICT")
    with explain_write_failures("the model", output_dir):
        trainer.save_model()
    if trainer.is_world_process_zero():
        precision = describe_precision(trainer)
        with explain_write_failures("the metrics of the run", output_dir):
            finish_run(output_dir, metrics, run_environment(precision))


def describe_precision(trainer: Trainer) -> str:
    """Return the number format of the autocast operations, or without autocast that of the weights."""
    autocast = {"bf16": "bfloat16", "fp16": "float16"}.get(trainer.accelerator.mixed_precision)
    if autocast:
        return f"{autocast} autocast"
    dtype = next(trainer.model.parameters()).dtype if trainer.model is not None else ""
    return str(dtype).removeprefix("torch.")


def step_losses(log: Log) -> list[StepLoss]:
    """Return the loss of each logged step."""
    return [
        StepLoss(step=int(entry["step"]), epoch=entry["epoch"], loss=entry["loss"]) for entry in log if "loss" in entry
    ]


def epoch_losses(log: Log) -> list[EpochLoss]:
    """Return the losses of each epoch with a logged step or a validation. The last epoch may be incomplete."""
    by_epoch: dict[int, list[float]] = {}
    for step in step_losses(log):
        by_epoch.setdefault(math.ceil(step.epoch), []).append(step.loss)
    loss, similarity = (
        {math.ceil(entry["epoch"]): entry[key] for entry in log if key in entry}
        for key in ("eval_loss", "eval_similarity")
    )
    return [
        EpochLoss(
            epoch=epoch,
            train_loss=sum(losses) / len(losses) if (losses := by_epoch.get(epoch)) else None,
            validation_loss=loss.get(epoch),
            validation_similarity=similarity.get(epoch),
        )
        for epoch in sorted({*by_epoch, *loss, *similarity} - {0})
    ]


def validation_before(log: Log) -> ValidationScore:
    """Return the validation scores of the model before its first step."""
    before = {key: value for entry in log if entry.get("epoch") == 0 for key, value in entry.items()}
    return ValidationScore(loss=before.get("eval_loss"), similarity=before.get("eval_similarity"))


def chosen_epoch(epochs: list[EpochLoss]) -> ChosenEpoch:
    """Return the epoch whose weights are saved: the first with the highest similarity, or without any the last."""
    if not epochs:
        return ChosenEpoch(epoch=None, loss=None, similarity=None)
    scored = [epoch for epoch in epochs if epoch.validation_similarity is not None]
    chosen = max(scored, key=lambda epoch: epoch.validation_similarity or 0.0) if scored else epochs[-1]
    return ChosenEpoch(epoch=chosen.epoch, loss=chosen.validation_loss, similarity=chosen.validation_similarity)


def last_validation(trainer: Trainer) -> ChosenEpoch:
    """Return the end of a run, whose weights are saved, with the similarity that was measured there, if it was."""
    log = trainer.state.log_history
    after = [entry["eval_similarity"] for entry in log if "eval_similarity" in entry and entry["epoch"]]
    return ChosenEpoch(epoch=trainer.state.epoch, loss=None, similarity=after[-1] if after else None)
