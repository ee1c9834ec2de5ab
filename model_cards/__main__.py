"""Command of the cards room: `python -m model_cards render`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from dataset_builder.errors import exit_on_input_error


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m model_cards", description=__doc__, allow_abbrev=False)
    stages = command.add_subparsers(dest="stage", required=True, metavar="STAGE")
    render = stages.add_parser("render", help="write the cards of the corpus and of the models", allow_abbrev=False)
    render.add_argument("--dataset", type=Path, required=True, metavar="DIR", help="corpus folder")
    render.add_argument(
        "--scores", type=Path, required=True, metavar="FILE", help="scores.json; names the models, too"
    )
    render.add_argument(
        "--dataset-id", default="isca-qa", metavar="ID", help="what the cards call the corpus; default: %(default)s"
    )
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    from rich.console import Console

    from model_cards.render import render

    for path in render(arguments.dataset, arguments.scores, arguments.dataset_id):
        Console().print(f"Card: {path}", soft_wrap=True)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
