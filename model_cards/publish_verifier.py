r"""Publish a verifier on the Hub with its card and its figures.

python -m model_cards publish-verifier --run runs/smollm2-verifier --dataset-id ORG/isca-qa \
    --repo-id ORG/isca-qa-verifier --dry-run
"""

import argparse
import tempfile
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.card_checks import check_metadata
from dataset_builder.hub.changes import Push, print_pushed
from dataset_builder.hub.push import add_push_arguments, check_repo_id, push
from dataset_builder.model_folders import METRICS_FILE, find_model
from dataset_builder.verification.report import VERIFIER_FILE, read_verifier_report
from model_cards.figures import draw_training_curve
from model_cards.names import Names
from model_cards.public_files import run_files
from model_cards.publish_checks import base_on_hub, check_gemma, check_weights, encoder_on_hub
from model_cards.trained_run import TrainedRun, read_trained_run
from model_cards.training_data import TrainingData, corpus_on_hub
from model_cards.verifier_card import verifier_card


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `publish-verifier`."""
    command.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the verifier's run")
    command.add_argument(
        "--dataset-id", metavar="ORG/NAME", help="training corpus, on the Hub; default: as in the run"
    )
    command.add_argument("--base-model", metavar="ORG/NAME", help="base model on the Hub; default: as in the run")
    command.add_argument("--license", metavar="ID", help="licence of the verifier; default: as in its recipe")
    add_push_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Publish the verifier of a finished run, and print what changed on the Hub.

    The corpus must be on the Hub already: the card names its commit. Raises `InputError`, before anything is sent, if
    run and corpus do not fit together.
    """
    from huggingface_hub import ModelCard

    check_repo_id(arguments.repo_id)
    run = _verifier_run(arguments.run)
    if run.metrics.dataset_revision is None:
        raise InputError(f"--run {run.source}: {METRICS_FILE} has no revision of the corpus; train the verifier again")
    use = f"the corpus that {run.source} was trained on"
    corpus = corpus_on_hub(
        run.metrics.dataset, run.metrics.dataset_revision, arguments.dataset_id, "--dataset-id", use
    )
    trained = TrainingData(corpus, corpus.dataset)
    license_id = arguments.license or run.metrics.license
    check_gemma(run, trained, from_gemma=False, license_id=license_id)
    names = Names(
        model=arguments.repo_id,
        base=base_on_hub(run, arguments.base_model),
        base_on_hub=True,
        scored=corpus,
        trained=trained,
        encoder=encoder_on_hub(run),
    )
    card = verifier_card(run, read_verifier_report(run.path), names, license_id)
    metadata = ModelCard(card).data.to_dict()  # type: ignore[no-untyped-call]  # the class has no types
    check_metadata(metadata, f"the card of {run.source}")
    with tempfile.TemporaryDirectory() as temporary:
        curve = draw_training_curve(Path(temporary), run.metrics)
        files = run_files(run, names, license_id) | {VERIFIER_FILE: run.path / VERIFIER_FILE, curve.name: curve}
        change = Push(arguments.repo_id, "model", card, files, f"Publish {run.path.resolve().name}")
        pushed = push(change, arguments.private, arguments.tag, arguments.dry_run)
    print_pushed(pushed, arguments.dry_run)


def _verifier_run(folder: Path) -> TrainedRun:
    if not folder.is_dir():
        raise InputError(f"--run {folder}: folder not found; give the folder of a verifier's run")
    run = read_trained_run(find_model(folder.name, str(folder)), folder.name)
    if run is None or not (folder / VERIFIER_FILE).is_file():
        raise InputError(
            f"--run {folder}: is not the run of a verifier (it has no {METRICS_FILE} or no {VERIFIER_FILE}); publish "
            "other models with `python -m model_cards publish`"
        )
    check_weights(folder)
    return run
