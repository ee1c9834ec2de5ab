r"""Publish a verifier on the Hub with its card and its figures.

python -m model_cards publish-verifier --run runs/minilm-verifier --dataset-id ORG/isca-qa \
    --repo-id ORG/isca-qa-verifier --dry-run
"""

import argparse
import tempfile
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.changes import print_pushed
from dataset_builder.hub.push import add_push_arguments, check_repo_id, push
from dataset_builder.models.folders import METRICS_FILE, find_model
from dataset_builder.verification.report import VERIFIER_FILE
from model_cards.publish_checks import check_weights
from model_cards.repo_content import RunOptions, add_run_arguments, verifier_content
from model_cards.trained_run import TrainedRun, read_trained_run
from model_cards.training_data import corpus_on_hub


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `publish-verifier`."""
    command.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the verifier's run")
    command.add_argument(
        "--dataset-id", metavar="ORG/NAME", help="training corpus, on the Hub; default: as in the run"
    )
    add_run_arguments(command)
    add_push_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Publish the verifier of a finished run, and print what changed on the Hub.

    The corpus must be on the Hub already: the card names its commit. Raises `InputError`, before anything is sent, if
    run and corpus do not fit together.
    """
    check_repo_id(arguments.repo_id)
    run = read_verifier_run(arguments.run)
    if run.metrics.dataset_revision is None:
        raise InputError(f"--run {run.source}: {METRICS_FILE} has no revision of the corpus; train the verifier again")
    use = f"the corpus that {run.source} was trained on"
    corpus = corpus_on_hub(
        run.metrics.dataset, run.metrics.dataset_revision, arguments.dataset_id, "--dataset-id", use
    )
    options = RunOptions(arguments.base_model, arguments.license)
    with tempfile.TemporaryDirectory() as stage:
        content = verifier_content(run, arguments.repo_id, corpus, options, Path(stage))
        pushed = push(content, arguments.private, arguments.tag, arguments.dry_run)
    print_pushed(pushed, arguments.dry_run)


def read_verifier_run(folder: Path) -> TrainedRun:
    """Return the run of a verifier in `folder`; raises `InputError` for any other folder and for broken weights."""
    if not folder.is_dir():
        raise InputError(f"{folder}: folder not found; give the folder of a verifier's run")
    run = read_trained_run(find_model(folder.name, str(folder)), folder.name)
    if run is None or not (folder / VERIFIER_FILE).is_file():
        raise InputError(
            f"{folder}: is not the run of a verifier (it has no {METRICS_FILE} or no {VERIFIER_FILE}); publish "
            "other models with `python -m model_cards publish`"
        )
    check_weights(folder)
    return run
