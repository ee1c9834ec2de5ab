"""The folder of a run: what it was made from, whether it is finished, and where to go on if it is not."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, read_json, write_json, write_text
from eval.models import METRICS_FILE, RECIPE_FILE

if TYPE_CHECKING:
    from datasets import Dataset

    from training.recipe import Recipe

logger = logging.getLogger("training")

INPUTS_FILE = "inputs.json"
# Keys that change neither the model nor what is measured of it. How the rows of a step are dealt out to processes and
# accumulation does not, either: their product stands among the inputs as rows_a_step.
WITHOUT_EFFECT = (
    *("output_dir", "logging_steps", "save_steps", "save_strategy", "save_total_limit", "disable_tqdm"),
    *("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"),
)


def rows_digest(rows: Dataset) -> str:
    """Return the SHA-256 over all rows of a dataset."""
    return hashlib.sha256(json.dumps(rows.to_list()).encode()).hexdigest()


def begin_run(recipe: Recipe, rows: Dataset) -> tuple[bool, str | None]:
    """Open the folder of a recipe's run on `rows`; return whether it is finished, and the checkpoint to go on from."""
    args = recipe.training
    folder = Path(args.output_dir)
    rows_a_step = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    with args.main_process_first(desc="run folder"):
        finished = open_run(folder, recipe.values, rows_a_step, rows_digest(rows))
        checkpoint = None if finished else last_whole_checkpoint(folder)
    if finished:
        logger.warning("%s: this run is finished; nothing to do", folder)
    elif checkpoint:
        logger.warning("going on from %s", checkpoint)
    return finished, checkpoint


def open_run(folder: Path, recipe: dict[str, Any], rows_a_step: int, train_rows: str) -> bool:
    """Make the folder ready for a run of `recipe` on rows of the digest `train_rows`; return whether it is finished.

    A new folder gets inputs.json, which says whose it is, then recipe.yaml. Raises `InputError` for a folder that
    holds another run.
    """
    decisive = {key: value for key, value in recipe.items() if key not in WITHOUT_EFFECT}
    decisive["rows_a_step"] = rows_a_step
    inputs = json.loads(json.dumps({"recipe": decisive, "train_rows": train_rows}, default=str))
    if (folder / INPUTS_FILE).is_file():
        held = read_json(folder / INPUTS_FILE)
        if held != inputs:
            raise InputError(
                f"{folder}: holds a run with {_difference(held, inputs)}; "
                "pass another --output_dir, or move that run away to train anew"
            )
    else:
        # What a kill left of a file that was being written is nobody's.
        if folder.is_dir() and not all(path.name.startswith(".partial.") for path in folder.iterdir()):
            raise InputError(f"{folder}: holds files that are no run; pass another --output_dir")
        make_writable_folder(folder)
        write_json(folder / INPUTS_FILE, inputs)
    if not (folder / RECIPE_FILE).is_file():
        write_text(folder / RECIPE_FILE, yaml.safe_dump(recipe, sort_keys=True, allow_unicode=True))
    return (folder / METRICS_FILE).is_file()


def is_whole(checkpoint: Path) -> bool:
    """Return whether the trainer saved this checkpoint to its end: its trainer_state.json, written last, is whole."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return False
    return True


def last_whole_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was saved to its end, or None; one that a kill cut off is removed."""
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]))
    for checkpoint in reversed(checkpoints):
        if is_whole(checkpoint):
            return str(checkpoint)
        shutil.rmtree(checkpoint)
    return None


def finish_run(folder: Path, metrics: dict[str, Any], environment: dict[str, Any]) -> None:
    """Write environment.json, drop what only an unfinished run needs, and write metrics.json last: it says finished.

    training_args.bin is dropped too: it is a pickle, and recipe.yaml says the same. Raises `InputError`, and drops
    nothing, where the folder holds no trained weights.
    """
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            f"{folder}: no model was saved there, so its checkpoints were left; under FSDP pass "
            "--fsdp_state_dict_type FULL_STATE_DICT to accelerate launch"
        )
    write_json(folder / "environment.json", environment)
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    (folder / "training_args.bin").unlink(missing_ok=True)
    write_json(folder / METRICS_FILE, metrics)


def _difference(held: dict[str, Any], wanted: dict[str, Any]) -> str:
    for key in sorted({*held["recipe"], *wanted["recipe"]}):
        before, now = held["recipe"].get(key, "its default"), wanted["recipe"].get(key, "its default")
        if before != now:
            return f"{key} {before!r} where this one has {now!r}"
    return "other training rows than this one"
