"""Publish the similarity metric on the Hub, as a Space that `evaluate.load` and a browser can open."""

import argparse
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.arguments import add_push_arguments
from dataset_builder.hub.card_checks import check_metadata
from dataset_builder.hub.changes import CARD_FILE, Push, Pushed
from dataset_builder.hub.push import check_repo_id, push
from dataset_builder.output import add_verbose_option, configure_output

FOLDER = Path(__file__).parent / "answer_similarity"
MODULE = "answer_similarity.py"
SENT = (MODULE, "app.py", "requirements.txt")
EXAMPLE = "--repo-id ORG/answer_similarity --dry-run"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval push-metric`."""
    add_push_arguments(command)
    add_verbose_option(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Push the metric and print what was pushed."""
    configure_output(arguments.verbose)
    from rich.console import Console

    from dataset_builder.hub.changes import print_pushed

    pushed = push_metric(arguments.repo_id, arguments.private, arguments.tag, arguments.dry_run)
    print_pushed(Console(), pushed, arguments.dry_run)


def push_metric(repo_id: str, private: bool = False, tag: str | None = None, dry_run: bool = False) -> Pushed:
    """Push the metric as a Space and return what was pushed; raises `InputError` if the Hub refuses it."""
    from huggingface_hub import ModelCard

    check_repo_id(repo_id)
    organisation, name = repo_id.split("/")
    # evaluate.load("ORG/NAME") asks the Space for NAME.py.
    if name != Path(MODULE).stem:
        raise InputError(
            f"--repo-id {repo_id}: the library evaluate looks for {name}.py in the Space, but the metric is in "
            f"{MODULE}; give {organisation}/{Path(MODULE).stem}"
        )
    card = _with_repo_id(FOLDER / CARD_FILE, repo_id)
    metadata = ModelCard(card).data.to_dict()  # type: ignore[no-untyped-call]  # not annotated
    check_metadata({"language": "en", **metadata}, str(FOLDER / CARD_FILE))
    change = Push(
        repo_id=repo_id,
        repo_type="space",
        card=card,
        # The example in the module loads the metric by the name of the Space, as the card does.
        files={name: _with_repo_id(FOLDER / name, repo_id).encode() for name in SENT},
        owned=SENT,
        message="Push the metric",
        space_sdk="gradio",
    )
    return push(change, private, tag, dry_run)


def _with_repo_id(path: Path, repo_id: str) -> str:
    return path.read_text(encoding="utf-8").replace(f"ORG/{Path(MODULE).stem}", repo_id)
