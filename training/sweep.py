"""Train a recipe at several learning rates, choose the best by the validation answers, and repeat it by seed.

    python -m training.sweep --config training/recipes/smollm2-lora.yaml --learning-rates 2e-4 5e-4 1e-3 --seeds 0 1 2

Each run is a process of `training.sft`, one after the other, with the recipe keys that follow on the command line. The
seeds are trained at the best learning rate, or without learning rates at the recipe's. The same command again trains
only the runs that are not finished.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from dataset_builder.command import run_stage, stage_parser
from dataset_builder.errors import InputError
from dataset_builder.formats import write_format
from dataset_builder.models.folders import METRICS_FILE, RECIPE_FILE
from dataset_builder.tables import as_table
from eval.run_metrics import SweepRun, SweepSeeds, SweepSummary, read_run_metrics
from training.run.process import run_process
from training.run.recipe import read_recipe_file

SWEEP_FILE = "sweep.json"
NO_VALIDATION = "a sweep chooses by the validation answers; pass --validation_questions 1 or more"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    command.add_argument("--config", type=Path, required=True, metavar="FILE", help="recipe of training.sft")
    command.add_argument(
        "--learning-rates", type=float, nargs="+", default=[], metavar="RATE", help="to try; default: the recipe's"
    )
    command.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[],
        metavar="SEED",
        help="seeds to train at the best learning rate; default: the recipe's",
    )
    command.add_argument("--out", type=Path, metavar="DIR", help="folder; default: the output_dir with -sweep added")
    command.add_argument_group(
        "recipe keys", "--KEY VALUE overrides a key of the recipe in all runs: --num_train_epochs 1"
    )
    command.set_defaults(recipe_keys=[])


def run_command(arguments: argparse.Namespace) -> None:
    """Train at each learning rate, then with each seed, and write and print the summary.

    The metrics of the chosen run get the summary, too. Raises `InputError` if a run does not finish.
    """
    instead = {"output_dir": "--out for all of them", "learning_rate": "--learning-rates", "seed": "--seeds"}
    for key, option in instead.items():
        if any(word.split("=")[0].replace("-", "_") == f"__{key}" for word in arguments.recipe_keys):
            raise InputError(f"--{key}: each run of a sweep has its own; pass {option}")
    if not arguments.learning_rates and not arguments.seeds:
        raise InputError("a sweep needs --learning-rates or --seeds: pass for example --learning-rates 2e-4 5e-4")
    for rate in arguments.learning_rates:
        if rate <= 0:
            raise InputError(f"--learning-rates {rate:g}: must be greater than 0, for example 2e-4 5e-4")
    recipe = read_recipe_file(arguments.config)
    keys = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    keys.add_argument("--validation_questions", default=recipe.get("validation_questions"))
    questions = keys.parse_known_args(arguments.recipe_keys)[0].validation_questions
    if str(questions) == "0":
        raise InputError(f"validation_questions 0: {NO_VALIDATION}")
    out = arguments.out or _default_out(arguments.config, recipe)
    common_keys = [*arguments.recipe_keys, *(["--verbose"] if arguments.verbose else [])]

    def train(keys: list[str], name: str) -> SweepRun:
        return _train(arguments.config, [*common_keys, *keys], out / name)

    runs = [train(["--learning_rate", f"{rate:g}"], f"learning_rate-{rate:g}") for rate in arguments.learning_rates]
    chosen = max(runs, key=lambda run: run.similarity, default=None)
    seed_runs = []
    for seed in arguments.seeds:
        if chosen and chosen.seed == seed:
            seed_runs.append(chosen)
            continue
        rate = ["--learning_rate", f"{chosen.learning_rate:g}"] if chosen else []
        prefix = f"{Path(chosen.folder or '').name}-" if chosen else ""
        seed_runs.append(train([*rate, "--seed", str(seed)], f"{prefix}seed-{seed}"))
    similarities = [run.similarity for run in seed_runs]
    summary = SweepSummary(
        config=str(arguments.config),
        arguments=arguments.recipe_keys,
        runs=runs,
        chosen=chosen,
        seeds=SweepSeeds(
            runs=seed_runs,
            mean=sum(similarities) / len(similarities) if similarities else None,
            lowest=min(similarities, default=None),
            highest=max(similarities, default=None),
        ),
    )
    write_format(out / SWEEP_FILE, summary)
    # An earlier sweep with fewer runs may have chosen another one.
    for run in runs:
        folder = Path(run.folder or "")
        metrics = read_run_metrics(folder).model_copy(update=dict(sweep=summary if run is chosen else None))
        write_format(folder / METRICS_FILE, metrics)
    print_summary(summary, Console())


def print_summary(summary: SweepSummary, console: Console) -> None:
    """Print the runs as a table, the chosen one, and the spread of the seeds."""
    heading = ["learning rate", "seed", "validation similarity", "validation loss", "folder"]
    rows = []
    for run in {run.folder: run for run in [*summary.runs, *summary.seeds.runs]}.values():
        rate = "default" if run.learning_rate is None else f"{run.learning_rate:g}"
        loss = "" if run.loss is None else f"{run.loss:.3f}"
        rows.append([rate, str(run.seed), f"{run.similarity:.3f}", loss, run.folder or ""])
    console.print(as_table(heading, rows))
    if summary.chosen:
        console.print(f"Best: {summary.chosen.folder}", soft_wrap=True)
    if summary.seeds.runs:
        seeds = summary.seeds
        console.print(f"Seeds: similarity {seeds.mean:.3f} ({seeds.lowest:.3f} to {seeds.highest:.3f})")


def _train(config: Path, keys: list[str], folder: Path) -> SweepRun:
    """Run `training.sft` with an output folder, and return its scores."""
    words = ["--config", str(config), *keys, "--output_dir", str(folder)]
    failure = f"{folder}: training stopped, see the message above; the same command continues there"
    run_process(["training.sft", *words], failure)
    metrics = read_run_metrics(folder)
    if metrics.validation.similarity is None:
        raise InputError(f"{folder}: {NO_VALIDATION}")
    recipe = read_recipe_file(folder / RECIPE_FILE)
    return SweepRun(
        learning_rate=recipe.get("learning_rate"),
        seed=metrics.seed,
        similarity=metrics.validation.similarity,
        loss=metrics.validation.loss,
        epoch=metrics.validation.epoch,
        train_seconds=metrics.train_seconds,
        folder=str(folder),
    )


def _default_out(config: Path, recipe: dict[str, Any]) -> Path:
    if "output_dir" not in recipe:
        raise InputError(f"--config {config}: has no output_dir; pass --out")
    return Path(f"{recipe['output_dir']}-sweep")


if __name__ == "__main__":
    run_stage(stage_parser(sys.modules[__name__]))
