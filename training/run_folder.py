"""Begin, resume and finish the folder of a training run.

inputs.json holds everything that decides the result of the run, so that a folder is never continued by another run.
metrics.json is written last and marks the run as finished.
"""

import hashlib
import json
import logging
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from accelerate.utils import gather_object
from datasets import Dataset

from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, write_text
from dataset_builder.formats import FileFormat, read_format, write_format
from dataset_builder.models.folders import METRICS_FILE, RECIPE_FILE
from eval.run_metrics import ENVIRONMENT_FILE, RunEnvironment, RunMetrics
from training.recipe import Recipe

logger = logging.getLogger(__name__)

INPUTS_FILE = "inputs.json"
REPOSITORY = Path(__file__).resolve().parents[1]
# Keys that change neither the model nor its measurements. Of the keys that divide a step among processes and
# accumulation steps, only the product counts, which the inputs hold as `rows_per_step`.
KEYS_WITHOUT_EFFECT = {
    *("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps", "output_dir"),
    *("logging_steps", "save_steps", "save_strategy", "save_total_limit", "disable_tqdm", "report_to", "run_name"),
    *("activation_checkpointing", "gradient_checkpointing", "project", "trackio_space_id"),
}


class RunInputs(FileFormat):
    """The recipe keys that have an effect, and SHA-256 values of the rows, of the start model and of the encoder."""

    recipe: dict[str, Any]
    rows_per_step: int
    train_rows_sha256: str
    start_model_sha256: str
    encoder_sha256: str | None


def begin_run(recipe: Recipe, rows: Dataset, start_model: str, encoder: str | None = None) -> tuple[bool, str | None]:
    """Open the folder of a run that trains on `rows`; the other arguments are SHA-256 values.

    Return whether the run is finished, and the checkpoint to resume from.
    """
    args, folder = recipe.training, recipe.output_dir
    starting_commit()
    digest = (
        hashlib.sha256("\n".join(json.dumps(row) for row in rows).encode()) if not args.local_process_index else None
    )
    # The first process of each machine computes it, and gives it to the others.
    rows_sha256 = gather_object([digest and digest.hexdigest()])[args.process_index - args.local_process_index]
    inputs = RunInputs(
        recipe=decisive(recipe.values),
        rows_per_step=args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size,
        train_rows_sha256=rows_sha256,
        start_model_sha256=start_model,
        encoder_sha256=encoder,
    )
    with args.main_process_first(desc="run folder"):
        finished = open_run(folder, inputs, recipe.values)
        checkpoint = None if finished else last_complete_checkpoint(folder)
    if args.process_index == 0 and finished:
        logger.info("%s: this run is finished; nothing to do", folder)
    elif args.process_index == 0 and checkpoint:
        logger.info("resuming from %s", checkpoint)
    return finished, checkpoint


def decisive(values: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe keys that have an effect on the model or its measurements, as JSON values."""
    settings = {key: value for key, value in values.items() if key not in KEYS_WITHOUT_EFFECT}
    return dict(json.loads(json.dumps(settings, default=str)))


def open_run(folder: Path, inputs: RunInputs, values: dict[str, Any]) -> bool:
    """Prepare the folder for a run with these inputs. Return whether the run is finished.

    A new folder gets inputs.json, then recipe.yaml. Raises `InputError` for a folder that holds another run, unless
    that run has no checkpoint, and for a finished run without its weights.
    """
    if (folder / INPUTS_FILE).is_file():
        existing = read_format(RunInputs, folder / INPUTS_FILE, "train again in another --output_dir")
        has_steps = (folder / METRICS_FILE).is_file() or any(map(is_complete, folder.glob("checkpoint-*")))
        if existing != inputs and has_steps:
            raise InputError(
                f"{folder}: holds a run with {_difference(existing, inputs)}; "
                "pass another --output_dir, or move that run away to train again"
            )
    elif folder.is_dir() and not all(path.name.startswith(".partial.") for path in folder.iterdir()):
        raise InputError(f"{folder}: holds files that are not a training run; pass another --output_dir")
    else:
        make_writable_folder(folder)
    write_format(folder / INPUTS_FILE, inputs)
    write_text(folder / RECIPE_FILE, yaml.safe_dump(values, sort_keys=True, allow_unicode=True))
    finished = (folder / METRICS_FILE).is_file()
    if finished and not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder}: this run is finished, but its weights (*.safetensors) are missing; restore them, or remove "
            f"{folder / METRICS_FILE} to train again"
        )
    if finished:
        # The run was killed before it had removed them.
        _remove_checkpoints(folder)
    return finished


def is_complete(checkpoint: Path) -> bool:
    """Return whether a checkpoint was saved completely: the trainer writes trainer_state.json last."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return False
    return True


def last_complete_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint, or None. Remove the incomplete ones that are newer."""
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=lambda path: -int(path.name.rsplit("-", 1)[1])):
        if is_complete(checkpoint):
            return str(checkpoint)
        shutil.rmtree(checkpoint)
    return None


def finish_run(folder: Path, metrics: RunMetrics, environment: RunEnvironment) -> None:
    """Write environment.json and then metrics.json, which marks the run as finished, and remove the checkpoints.

    Raises `InputError`, and removes nothing, if the folder has no trained weights.
    """
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"{folder}: no model was saved there, so its checkpoints were kept; run the command again")
    # A pickle; recipe.yaml has the same settings.
    (folder / "training_args.bin").unlink(missing_ok=True)
    write_format(folder / ENVIRONMENT_FILE, environment)
    write_format(folder / METRICS_FILE, metrics)
    _remove_checkpoints(folder)


def _remove_checkpoints(folder: Path) -> None:
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint, ignore_errors=True)


def _difference(existing: RunInputs, wanted: RunInputs) -> str:
    before, now = ({**inputs.recipe, "rows_per_step": inputs.rows_per_step} for inputs in (existing, wanted))
    for key in sorted({*before, *now}):
        if before.get(key) != now.get(key):
            return f"{key} {before.get(key, 'its default')!r} where this one has {now.get(key, 'its default')!r}"
    if existing.train_rows_sha256 != wanted.train_rows_sha256:
        return "other training rows than this one"
    if existing.start_model_sha256 != wanted.start_model_sha256:
        return "another model at model_name_or_path than there is now"
    return "another encoder than there is now"


@cache
def starting_commit() -> str:
    """Return the short id of the checked-out commit when this process first called it, "unknown" without one."""
    try:
        git = ["git", "-C", str(REPOSITORY)]
        # An installed package may lie below a repository that is not the project's.
        above = subprocess.run([*git, "rev-parse", "--show-cdup"], capture_output=True, text=True, check=True)
        if above.stdout.strip():
            return "unknown"
        head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head.stdout.strip()} with local changes" if changed.stdout.strip() else head.stdout.strip()
