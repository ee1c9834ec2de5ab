"""Command of the cards room: `python -m model_cards render | publish`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from dataset_builder.errors import exit_on_input_error
from dataset_builder.hub.arguments import add_push_arguments


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m model_cards", description=__doc__, allow_abbrev=False)
    stages = command.add_subparsers(dest="stage", required=True, metavar="STAGE")
    render = stages.add_parser("render", help="write the cards of the models into their folders", allow_abbrev=False)
    render.add_argument("--dataset", type=Path, required=True, metavar="DIR", help="corpus folder")
    render.add_argument(
        "--scores", type=Path, required=True, metavar="FILE", help="scores.json; names the models, too"
    )
    render.add_argument(
        "--dataset-id", default="isca-qa", metavar="ID", help="what the cards call the corpus; default: %(default)s"
    )
    publish = stages.add_parser("publish", help="publish a trained model on the Hub", allow_abbrev=False)
    publish.add_argument("--run", type=Path, required=True, metavar="DIR", help="the run's folder")
    publish.add_argument("--scores", type=Path, required=True, metavar="FILE", help="scores.json of its evaluation")
    publish.add_argument("--dataset-id", metavar="ORG/NAME", help="the corpus on the Hub; default: as the scores say")
    publish.add_argument(
        "--train-dataset-id",
        metavar="ORG/NAME",
        help="the corpus that it was trained on, where it is another folder's",
    )
    publish.add_argument(
        "--start-model",
        metavar="ORG/NAME",
        help="the model that GRPO or best of n started from; default: as the run says",
    )
    publish.add_argument("--base-model", metavar="ORG/NAME", help="the base on the Hub; default: as the run says")
    publish.add_argument("--license", metavar="ID", help="the model's licence; default: as its recipe says")
    add_push_arguments(publish)
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    from rich.console import Console

    console = Console()
    if arguments.stage == "render":
        from model_cards.render import render

        for path in render(arguments.dataset, arguments.scores, arguments.dataset_id):
            console.print(f"Card: {path}", soft_wrap=True)
    else:
        from dataset_builder.hub.changes import print_pushed
        from model_cards.publish import publish

        pushed = publish(
            arguments.run,
            arguments.repo_id,
            arguments.scores,
            dataset_id=arguments.dataset_id,
            train_dataset_id=arguments.train_dataset_id,
            base_model=arguments.base_model,
            start_model=arguments.start_model,
            license_id=arguments.license,
            private=arguments.private,
            tag=arguments.tag,
            dry_run=arguments.dry_run,
        )
        print_pushed(console, pushed, arguments.dry_run)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
