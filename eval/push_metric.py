"""Publish the similarity metric on the Hub, as a Space that `evaluate.load` and a browser can open.

python -m eval push-metric --repo-id ORG/answer_similarity --dry-run
"""

import argparse
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.changes import CARD_FILE, Push, print_pushed
from dataset_builder.hub.push import add_push_arguments, check_repo_id, push

NAME = "answer_similarity"
FOLDER = Path(__file__).parent / NAME
SENT = (f"{NAME}.py", "app.py", "requirements.txt")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval push-metric`."""
    add_push_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Push the metric and print what was pushed."""
    check_repo_id(arguments.repo_id)
    pushed = push(metric_content(arguments.repo_id), arguments.private, arguments.tag, arguments.dry_run)
    print_pushed(pushed, arguments.dry_run)


def metric_content(repo_id: str) -> Push:
    """Return the content of the metric's Space; raises `InputError` for a name with which it could not be loaded."""
    organisation, name = repo_id.split("/")
    # evaluate.load("ORG/NAME") asks the Space for NAME.py.
    if name != NAME:
        raise InputError(f"--repo-id {repo_id}: evaluate looks for {name}.py in the Space; give {organisation}/{NAME}")
    # The card and the example in the module load the metric by the name of the Space.
    texts = {
        file: (FOLDER / file).read_text(encoding="utf-8").replace(f"ORG/{NAME}", repo_id)
        for file in (CARD_FILE, *SENT)
    }
    card = texts.pop(CARD_FILE)
    files: dict[str, Path | bytes] = {file: text.encode() for file, text in texts.items()}
    return Push(repo_id, "space", card, files, "Push the metric", space_sdk="gradio")
