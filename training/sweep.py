"""A sweep: the same recipe at several learning rates, the best chosen by the validation answers.

    python -m training.sweep --config training/recipes/smollm2-lora.yaml --learning_rates 2e-4,5e-4,1e-3

Each rate is a run of `training.sft` in a process of its own, one after the other; keys of the recipe may follow and
hold for all of them. The same command again runs only what is not finished.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.files import read_json, write_json
from eval.model_folder import METRICS_FILE


def parser() -> argparse.ArgumentParser:
    """Return the command's parser; what it does not know is passed on to `training.sft`."""
    command = argparse.ArgumentParser(
        prog="python -m training.sweep",
        description="Train a recipe at several learning rates and choose by validation similarity.",
        epilog="Keys of the recipe may follow: --num_train_epochs 1",
        allow_abbrev=False,
    )
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="recipe of training.sft")
    command.add_argument("--learning_rates", required=True, metavar="A,B,...", help="learning rates to try")
    command.add_argument("--out", type=Path, metavar="DIR", help="default: the recipe's output_dir and -sweep")
    return command


def main() -> None:
    """Run the sweep, print its table, and name the best run."""
    from rich.console import Console
    from rich.table import Table

    arguments, passed_on = parser().parse_known_args()
    rates = _rates(arguments.learning_rates)
    if "--output_dir" in passed_on or any(word.startswith("--output_dir=") for word in passed_on):
        raise InputError("--output_dir: a sweep has a folder for each learning rate; pass --out for them all")
    found = sweep(arguments.config, rates, passed_on, arguments.out or _default_out(arguments.config))
    table = Table("learning rate", "validation similarity", "validation loss", "folder")
    for run in found["runs"]:
        table.add_row(f"{run['learning_rate']:g}", f"{run['similarity']:.3f}", f"{run['loss']:.3f}", run["folder"])
    Console().print(table)
    Console().print(f"Best: {found['chosen']['folder']}", soft_wrap=True)


def sweep(config: Path, rates: list[float], passed_on: list[str], out: Path) -> dict[str, Any]:
    """Train at each rate below `out` and return what sweep.json holds: `config`, `runs` and the `chosen` one of them.

    The chosen run's metrics.json gets the same under `sweep`. Raises `InputError` where a run does not finish.
    """
    runs = []
    for rate in rates:
        folder = out / f"learning_rate-{rate:g}"
        command = [sys.executable, "-m", "training.sft", "--config", str(config), *passed_on]
        command += ["--learning_rate", f"{rate:g}", "--output_dir", str(folder)]
        if subprocess.run(command).returncode:
            raise InputError(f"{folder}: training stopped, see above; the same command goes on from there")
        metrics = read_json(folder / METRICS_FILE)
        if metrics["validation"]["similarity"] is None:
            raise InputError("--validation_questions 0: a sweep chooses by them; pass more than none")
        measured = {key: metrics["validation"][key] for key in ("similarity", "loss", "epoch")}
        seconds = metrics["train_seconds"]
        runs.append({"learning_rate": rate, **measured, "train_seconds": seconds, "folder": str(folder)})
    chosen = max(runs, key=lambda run: run["similarity"])
    found = {"config": str(config), "arguments": passed_on, "runs": runs, "chosen": chosen}
    write_json(out / "sweep.json", found)
    metrics_file = Path(chosen["folder"]) / METRICS_FILE
    write_json(metrics_file, {**read_json(metrics_file), "sweep": found})
    return found


def _rates(given: str) -> list[float]:
    try:
        rates = [float(rate) for rate in given.split(",")]
    except ValueError:
        rates = []
    if not rates or min(rates) <= 0:
        raise InputError(f"--learning_rates {given}: must be numbers over 0 with commas between: 2e-4,5e-4")
    return rates


def _default_out(config: Path) -> Path:
    try:
        output_dir = yaml.safe_load(config.read_text(encoding="utf-8"))["output_dir"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"--config {config}: no recipe with an output_dir ({error}); pass --out") from error
    return Path(f"{output_dir}-sweep")


if __name__ == "__main__":
    with exit_on_input_error():
        main()
