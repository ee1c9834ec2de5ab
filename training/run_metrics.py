"""Put the measurements of a run into metrics.json and environment.json."""

import math
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from dataset_builder.models.packaged import read_model_source
from eval.run_metrics import (
    ChosenEpoch,
    EpochLoss,
    RunEnvironment,
    RunMetrics,
    StepLoss,
    StepPreference,
    ValidationScore,
)
from training.guarded_trainer import GuardedTrainer
from training.recipe import Recipe
from training.run_folder import starting_commit

PACKAGES = ("accelerate", "datasets", "huggingface_hub", "peft", "torch", "transformers", "trl")
# The trainer's log: one dict for each logging step and each validation, with keys that transformers and TRL define.
Log = list[dict[str, float]]


def run_metrics(
    trainer: GuardedTrainer, recipe: Recipe, base: str, revision: str | None, pairs: int, **own: Any
) -> RunMetrics:
    """Return the metrics of a trained model.

    `base` is the folder or Hub id of the base model, `revision` that of the corpus, and `pairs` the number of pairs or
    preferences. `own` are the fields of `RunMetrics` that a stage sets itself.
    """
    log = trainer.state.log_history
    is_folder = Path(base).is_dir()
    source = read_model_source(Path(base)) if is_folder else None
    model: Any = trainer.model
    return RunMetrics(
        base_model=source.hub_id if source else None if is_folder else base,
        base_model_path=base,
        base_model_note=source.note if source else None,
        dataset=recipe.keys.dataset,
        dataset_revision=revision,
        license=recipe.keys.license,
        seed=recipe.training.seed,
        train_pairs=pairs,
        epochs=trainer.state.epoch or 0.0,
        train_seconds=trainer.stopwatch.seconds,
        peak_memory_bytes=trainer.stopwatch.peak_memory_bytes,
        trainable_parameters=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
        loss_by_step=step_losses(log),
        loss_by_epoch=epoch_losses(log),
        validation_before=validation_before(log),
        **own,
    )


def run_environment(trainer: GuardedTrainer) -> RunEnvironment:
    """Return the hardware, the precision, the versions of Python and of the packages, and the commit of this run."""
    gpu, model = torch.cuda.is_available(), trainer.model
    autocast = {"bf16": "bfloat16 autocast", "fp16": "float16 autocast"}.get(trainer.accelerator.mixed_precision)
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.") if model is not None else ""
    return RunEnvironment(
        device=torch.cuda.get_device_name() if gpu else torch.cpu.get_capabilities().get("cpu_name", "CPU"),
        devices=int(os.environ.get("WORLD_SIZE", "1")),
        threads=torch.get_num_threads(),
        precision=autocast or dtype,
        python=platform.python_version(),
        packages={package: version(package) for package in PACKAGES},
        commit=starting_commit(),
    )


def step_losses(log: Log) -> list[StepLoss]:
    """Return the loss of each logged step."""
    return [StepLoss(step=int(one["step"]), epoch=one["epoch"], loss=one["loss"]) for one in log if "loss" in one]


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


def preference_steps(log: Log) -> list[StepPreference]:
    """Return the rewards of DPO at each logged step."""
    return [
        StepPreference(step=int(one["step"]), margin=one["rewards/margins"], accuracy=one["rewards/accuracies"])
        for one in log
        if "rewards/margins" in one
    ]


def last_validation(log: Log) -> ChosenEpoch:
    """Return the end of a run, whose weights are saved, with the similarity that was measured there, if it was."""
    after = [one for one in log if "eval_similarity" in one and one["epoch"]]
    return ChosenEpoch(epoch=log[-1]["epoch"], loss=None, similarity=after[-1]["eval_similarity"] if after else None)


def trained_tokens(log: Log) -> float:
    """Return the number of tokens of the training batches, as TRL counts them."""
    return max((one["num_tokens"] for one in log if "num_tokens" in one), default=0.0)
