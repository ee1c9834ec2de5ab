"""Save the results of a run: the model, environment.json, and metrics.json, which marks the run as finished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dataset_builder.packaged_models import read_model_source
from eval.run_metrics import ChosenEpoch, RunMetrics, StepReward
from training.run.failures import explain_write_failures
from training.run.folder import finish_run
from training.run.losses import epoch_losses, step_losses, validation_before
from training.run.stopwatch import find_stopwatch

if TYPE_CHECKING:
    from transformers import Trainer

    from training.run.recipe import Recipe


@dataclass(frozen=True)
class TrainingData:
    """The corpus of a run at its `revision`, and the number of its training `pairs`."""

    dataset: str
    revision: str
    pairs: int


def run_metrics(
    trainer: Trainer,
    recipe: Recipe[Any, Any],
    data: TrainingData,
    *,
    base: str,
    method: Literal["full", "lora", "grpo"],
    tokens_per_second: float,
    validation: ChosenEpoch,
    rows: Literal["paper", "pair"] | None = None,
    pairs_per_second: float | None = None,
    mfu: float | None = None,
    convergence_epoch: int | None = None,
    adapter: str | None = None,
    reward_by_step: list[StepReward] | None = None,
) -> RunMetrics:
    """Return the metrics of a trained model. The optional ones belong to one kind of training.

    `base` is the folder or Hub id of the base model. A folder has a Hub id only if its source.json names one.
    """
    stopwatch = find_stopwatch(trainer)
    log = trainer.state.log_history
    source = read_model_source(Path(base))
    parameters = trainer.model.parameters() if trainer.model is not None else ()
    return RunMetrics(
        base_model=source.hub_id if source else (None if Path(base).is_dir() else base),
        base_model_path=base,
        base_model_note=source.note if source else None,
        method=method,
        dataset=data.dataset,
        dataset_revision=data.revision,
        license=recipe.keys.license,
        seed=recipe.training.seed,
        train_pairs=data.pairs,
        epochs=trainer.state.epoch or 0.0,
        train_seconds=stopwatch.seconds,
        peak_memory_bytes=stopwatch.peak_memory_bytes,
        trainable_parameters=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        tokens_per_second=tokens_per_second,
        loss_by_step=step_losses(log),
        loss_by_epoch=epoch_losses(log),
        validation_before=validation_before(log),
        validation=validation,
        rows=rows,
        pairs_per_second=pairs_per_second,
        mfu=mfu,
        convergence_epoch=convergence_epoch,
        adapter=adapter,
        reward_by_step=reward_by_step,
    )


def save_run(trainer: Trainer, metrics: RunMetrics) -> None:
    """Save the trained model, then finish its run folder. Every process must call this."""
    from training.hardware import run_environment

    output_dir = Path(trainer.args.output_dir or "")
    sharded = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    if sharded is not None:
        # By default each process keeps its part of the model, and the trainer saves none.
        sharded.set_state_dict_type("FULL_STATE_DICT")
    with explain_write_failures("the model", output_dir):
        trainer.save_model()
    if trainer.is_world_process_zero():
        precision = "bfloat16 autocast" if trainer.args.bf16 else "float32"
        with explain_write_failures("the metrics of the run", output_dir):
            finish_run(output_dir, metrics, run_environment(precision))
