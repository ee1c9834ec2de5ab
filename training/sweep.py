"""A sweep: the same recipe at several learning rates, the best chosen by the validation answers; then several seeds.

    python -m training.sweep --config training/recipes/smollm2-lora.yaml --learning_rates 2e-4,5e-4,1e-3 --seeds 0,1,2

Each is a run of `training.sft` in a process of its own, one after the other; keys of the recipe may follow and hold
for all of them. The seeds are run at the best rate, or without rates at the recipe's. The same command again runs only
what is not finished.
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
from eval.models import METRICS_FILE, RECIPE_FILE


def parser() -> argparse.ArgumentParser:
    """Return the command's parser; what it does not know is passed on to `training.sft`."""
    command = argparse.ArgumentParser(
        prog="python -m training.sweep",
        description="Train a recipe at several learning rates, choose by validation similarity, repeat by seed.",
        epilog="Keys of the recipe may follow: --num_train_epochs 1",
        allow_abbrev=False,
    )
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="recipe of training.sft")
    command.add_argument("--learning_rates", metavar="A,B,...", help="learning rates to try; default: the recipe's")
    command.add_argument(
        "--seeds", metavar="A,B,...", help="seeds to train with at the best rate; default: the recipe's"
    )
    command.add_argument("--out", type=Path, metavar="DIR", help="default: the recipe's output_dir and -sweep")
    return command


def main() -> None:
    """Run the sweep, print its table, name the best run, and say how far the seeds differ."""
    from rich.console import Console
    from rich.table import Table

    arguments, passed_on = parser().parse_known_args()
    for key, instead in (
        ("output_dir", "--out for them all"),
        ("learning_rate", "--learning_rates"),
        ("seed", "--seeds"),
    ):
        if any(word.split("=")[0] == f"--{key}" for word in passed_on):
            raise InputError(f"--{key}: each run of a sweep has its own; pass {instead}")
    rates, seeds = _rates(arguments.learning_rates), _seeds(arguments.seeds)
    if not rates and not seeds:
        raise InputError("neither --learning_rates nor --seeds: a sweep needs one of them; --learning_rates 2e-4,5e-4")
    found = sweep(arguments.config, rates, passed_on, arguments.out or _default_out(arguments.config), seeds)
    table = Table("learning rate", "seed", "validation similarity", "validation loss", "folder")
    for run in {run["folder"]: run for run in [*found["runs"], *found["seeds"]["runs"]]}.values():
        rate = "default" if run["learning_rate"] is None else f"{run['learning_rate']:g}"
        table.add_row(rate, str(run["seed"]), f"{run['similarity']:.3f}", f"{run['loss']:.3f}", run["folder"])
    Console().print(table)
    if rates:
        Console().print(f"Best: {found['chosen']['folder']}", soft_wrap=True)
    if seeds:
        Console().print("Seeds: similarity {mean:.3f} ({lowest:.3f} to {highest:.3f})".format(**found["seeds"]))


def sweep(config: Path, rates: list[float], passed_on: list[str], out: Path, seeds: list[int]) -> dict[str, Any]:
    """Train at each rate, then with each seed, below `out`, and return what sweep.json holds.

    That is `config`, `arguments`, the `runs` at each rate, the `chosen` one of them, and `seeds`: its `runs`, and the
    `mean`, `lowest` and `highest` of their similarities. The chosen run's metrics.json gets the same under `sweep`.
    Raises `InputError` where a run does not finish.
    """
    runs = [
        _train(config, [*passed_on, "--learning_rate", f"{rate:g}"], out / f"learning_rate-{rate:g}") for rate in rates
    ]
    chosen = max(runs, key=lambda run: run["similarity"], default=None)
    of_seeds = []
    for seed in seeds:
        if chosen and chosen["seed"] == seed:
            of_seeds.append(chosen)
            continue
        rate = ["--learning_rate", f"{chosen['learning_rate']:g}"] if chosen else []
        folder = out / (f"{Path(chosen['folder']).name}-seed-{seed}" if chosen else f"seed-{seed}")
        of_seeds.append(_train(config, [*passed_on, *rate, "--seed", str(seed)], folder))
    similarities = [run["similarity"] for run in of_seeds]
    found = {
        "config": str(config),
        "arguments": passed_on,
        "runs": runs,
        "chosen": chosen,
        "seeds": {
            "runs": of_seeds,
            "mean": sum(similarities) / len(similarities) if seeds else None,
            "lowest": min(similarities, default=None),
            "highest": max(similarities, default=None),
        },
    }
    write_json(out / "sweep.json", found)
    if chosen:
        metrics_file = Path(chosen["folder"]) / METRICS_FILE
        write_json(metrics_file, {**read_json(metrics_file), "sweep": found})
    return found


def _train(config: Path, keys: list[str], folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "training.sft", "--config", str(config), *keys, "--output_dir", str(folder)]
    if subprocess.run(command).returncode:
        raise InputError(f"{folder}: training stopped, see above; the same command goes on from there")
    metrics = read_json(folder / METRICS_FILE)
    if metrics["validation"]["similarity"] is None:
        raise InputError("--validation_questions 0: a sweep chooses by them; pass more than none")
    recipe = yaml.safe_load((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    return {
        "learning_rate": recipe.get("learning_rate"),
        "seed": metrics["seed"],
        **{key: metrics["validation"][key] for key in ("similarity", "loss", "epoch")},
        "train_seconds": metrics["train_seconds"],
        "folder": str(folder),
    }


def _rates(given: str | None) -> list[float]:
    try:
        rates = [float(rate) for rate in given.split(",")] if given is not None else []
    except ValueError:
        rates = [0.0]
    if rates and min(rates) <= 0:
        raise InputError(f"--learning_rates {given}: must be numbers over 0 with commas between: 2e-4,5e-4")
    return rates


def _seeds(given: str | None) -> list[int]:
    try:
        return [int(seed) for seed in given.split(",")] if given is not None else []
    except ValueError as error:
        raise InputError(f"--seeds {given}: must be whole numbers with commas between: 0,1,2") from error


def _default_out(config: Path) -> Path:
    try:
        output_dir = yaml.safe_load(config.read_text(encoding="utf-8"))["output_dir"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(f"--config {config}: no recipe with an output_dir ({error}); pass --out") from error
    return Path(f"{output_dir}-sweep")


if __name__ == "__main__":
    with exit_on_input_error():
        main()
