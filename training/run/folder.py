"""Open and finish the folder of a run: check that it belongs to the recipe, and find the checkpoint to resume from."""

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from accelerate.utils import gather_object
from datasets import Dataset

from dataset_builder.corpus.rows import ROWS_AT_ONCE
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, write_text
from dataset_builder.formats import FileFormat, read_format, write_format
from dataset_builder.models.folders import METRICS_FILE, RECIPE_FILE
from eval.run_metrics import ENVIRONMENT_FILE, RunEnvironment, RunMetrics
from training.hardware import code_commit
from training.run.recipe import Recipe

logger = logging.getLogger(__name__)

INPUTS_FILE = "inputs.json"
# How the rows of a step are divided among processes and accumulation steps. Only the product counts, which the inputs
# hold as `rows_per_step`.
DIVISION = ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps")
# Keys that change neither the model nor its measurements.
KEYS_WITHOUT_EFFECT = (
    *("output_dir", "logging_steps", "save_steps", "save_strategy", "save_total_limit", "disable_tqdm"),
    *("activation_checkpointing", "gradient_checkpointing", "dataset_num_proc"),
    *("report_to", "run_name", "project", "hub_private_repo"),
    *("trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"),
)


class RunInputs(FileFormat):
    """Everything that decides the result of a run (inputs.json): the set keys that have an effect, and the rows.

    `start_model_sha256` is over the files of the model that the training starts from, `judges_sha256` over those of
    the encoder, if it chooses the epoch or ranks the answers.
    """

    recipe: dict[str, Any]
    rows_per_step: int
    train_rows_sha256: str
    start_model_sha256: str
    judges_sha256: list[str]


def begin_run(
    recipe: Recipe[Any, Any], rows: Dataset, start_model_sha256: str, judges_sha256: Sequence[str] = ()
) -> tuple[bool, str | None]:
    """Open the folder of a run that trains a model on `rows`.

    Return whether the run is finished, and the checkpoint to resume from.
    """
    code_commit()
    args = recipe.training
    rows_per_step = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    own_sha256 = rows_sha256(rows) if args.local_process_index == 0 else ""
    # The first process of each machine computes it, and gives it to the others.
    train_rows_sha256 = gather_object([own_sha256])[args.process_index - args.local_process_index]
    with args.main_process_first(desc="run folder"):
        finished = open_run(
            recipe.output_dir, recipe.values, rows_per_step, train_rows_sha256, start_model_sha256, judges_sha256
        )
        checkpoint = None if finished else last_complete_checkpoint(recipe.output_dir)
    if args.process_index == 0 and finished:
        logger.info("%s: this run is finished; nothing to do", recipe.output_dir)
    elif args.process_index == 0 and checkpoint:
        logger.info("resuming from %s", checkpoint)
    return finished, checkpoint


def rows_sha256(rows: Dataset) -> str:
    """Return the SHA-256 of the rows, written as one JSON list.

    It depends on the rows only. The fingerprint of a dataset also depends on paths, and so on the machine.
    """
    digest, separator = hashlib.sha256(b"["), ""
    for table in rows.with_format("arrow").iter(ROWS_AT_ONCE):
        digest.update(f"{separator}{json.dumps(table.to_pylist())[1:-1]}".encode())
        separator = ", "
    digest.update(b"]")
    return digest.hexdigest()


def open_run(
    folder: Path,
    recipe: dict[str, Any],
    rows_per_step: int,
    train_rows_sha256: str,
    start_model_sha256: str,
    judges_sha256: Sequence[str] = (),
) -> bool:
    """Prepare the folder for a run with these inputs. Return whether the run is finished.

    A new folder gets inputs.json, then recipe.yaml. Raises `InputError` for a folder that holds another run, unless
    that run has no checkpoint, and for a finished run without its weights.
    """
    inputs = RunInputs(
        recipe=json.loads(json.dumps(_decisive(recipe), default=str)),
        rows_per_step=rows_per_step,
        train_rows_sha256=train_rows_sha256,
        start_model_sha256=start_model_sha256,
        judges_sha256=list(judges_sha256),
    )
    if (folder / INPUTS_FILE).is_file():
        existing = read_format(RunInputs, folder / INPUTS_FILE, "train again in another --output_dir")
        has_steps = (folder / METRICS_FILE).is_file() or any(map(is_complete, folder.glob("checkpoint-*")))
        if existing != inputs and not has_steps:
            (folder / RECIPE_FILE).unlink(missing_ok=True)
            write_format(folder / INPUTS_FILE, inputs)
        elif existing != inputs:
            raise InputError(
                f"{folder}: holds a run with {_difference(existing, inputs)}; "
                "pass another --output_dir, or move that run away to train again"
            )
    else:
        # A kill can leave a file that was being written. It does not make the folder another run's.
        if folder.is_dir() and not all(path.name.startswith(".partial.") for path in folder.iterdir()):
            raise InputError(f"{folder}: holds files that are not a training run; pass another --output_dir")
        make_writable_folder(folder)
        write_format(folder / INPUTS_FILE, inputs)
    if not (folder / RECIPE_FILE).is_file():
        write_text(folder / RECIPE_FILE, yaml.safe_dump(recipe, sort_keys=True, allow_unicode=True))
    finished = (folder / METRICS_FILE).is_file()
    if finished and not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder}: this run is finished, but its weights (*.safetensors) are missing; restore them, or remove "
            f"{folder / METRICS_FILE} to train again"
        )
    if finished:
        # The run was killed before it had removed them.
        _remove_leftovers(folder)
    return finished


def _decisive(recipe: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in (*DIVISION, *KEYS_WITHOUT_EFFECT)}


def is_complete(checkpoint: Path) -> bool:
    """Return whether a checkpoint was saved completely: the trainer writes trainer_state.json last."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return False
    return True


def last_complete_checkpoint(folder: Path) -> str | None:
    """Return the newest complete checkpoint, or None. Remove the incomplete ones that are newer."""
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]))
    for checkpoint in reversed(checkpoints):
        if is_complete(checkpoint):
            return str(checkpoint)
        shutil.rmtree(checkpoint)
    return None


def finish_run(folder: Path, metrics: RunMetrics, environment: RunEnvironment) -> None:
    """Write environment.json and then metrics.json, which marks the run as finished, and remove the checkpoints.

    Before, remove training_args.bin: it is a pickle, and recipe.yaml has the same settings. Raises `InputError`, and
    removes nothing, if the folder has no trained weights.
    """
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder}: no model was saved there, so its checkpoints were kept; under FSDP pass "
            "--fsdp_state_dict_type FULL_STATE_DICT to accelerate launch"
        )
    write_format(folder / ENVIRONMENT_FILE, environment)
    (folder / "training_args.bin").unlink(missing_ok=True)
    write_format(folder / METRICS_FILE, metrics)
    _remove_leftovers(folder)


def _remove_leftovers(folder: Path) -> None:
    """Remove the checkpoints, and the journals of a DPO run."""
    for journal in folder.glob(".partial.*"):
        journal.unlink()
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
