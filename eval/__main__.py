"""Command of the evaluation room: `python -m eval run | push-metric`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.hub_options import add_push_options


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m eval", description=__doc__, allow_abbrev=False)
    stages = command.add_subparsers(dest="stage", required=True, metavar="STAGE")
    run = stages.add_parser("run", help="answer the test questions, score the answers, report", allow_abbrev=False)
    run.add_argument("--dataset", required=True, metavar="DIR", help="corpus folder or Hub id")
    run.add_argument("--configs", required=True, metavar="A,B", help="corpus configs whose test splits are answered")
    run.add_argument(
        "--models", required=True, nargs="+", metavar="NAME=DIR", help="models by name: run folder, model or Hub id"
    )
    run.add_argument(
        "--encoder",
        default="sentence-transformers/all-MiniLM-L6-v2",
        metavar="DIR",
        help="sentence-transformers model that measures similarity, folder or Hub id; default: %(default)s",
    )
    run.add_argument("--out", type=Path, default=Path("runs/eval"), metavar="DIR", help="default: %(default)s")
    run.add_argument(
        "--questions", type=int, metavar="N", help="answer a fixed random sample of N questions a config; default: all"
    )
    run.add_argument("--batch-size", type=int, default=16, metavar="N", help="questions at a time; default: 16")
    push_metric = stages.add_parser("push-metric", help="publish the metric as a Space of the Hub", allow_abbrev=False)
    add_push_options(push_metric)
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if arguments.stage == "push-metric":
        from rich.console import Console

        from dataset_builder.hub_change import print_pushed
        from eval.push_metric import push_metric

        pushed = push_metric(arguments.repo_id, arguments.private, arguments.tag, arguments.dry_run)
        print_pushed(Console(), pushed, arguments.dry_run)
        return
    for option, value in (("--questions", arguments.questions), ("--batch-size", arguments.batch_size)):
        if value is not None and value < 1:
            raise InputError(f"{option} {value}: must be 1 or more")
    from eval.model_folder import parse_models
    from eval.run import run

    configs = [name.strip() for name in arguments.configs.split(",")]
    models = parse_models(arguments.models)
    scores, metrics = run(
        arguments.dataset,
        configs,
        models,
        arguments.encoder,
        arguments.out,
        questions=arguments.questions,
        batch_size=arguments.batch_size,
    )
    from rich.console import Console

    from eval.comparison import as_table, comparison

    Console().print(as_table(*comparison(scores, metrics)))
    Console().print(f"Scores, predictions, figures and report.md: {arguments.out}", soft_wrap=True)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
