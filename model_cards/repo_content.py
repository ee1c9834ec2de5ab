"""Put together the content of the repo of a trained model: files, card and training curve."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.hub.changes import Push
from eval.analysis.scores import SCORES_FILE, Scores
from model_cards.cards.figures import draw_training_curve
from model_cards.cards.model_card import model_card
from model_cards.cards.notebook import NOTEBOOK_FILE, model_notebook
from model_cards.names import Names
from model_cards.public_files import public_files
from model_cards.publish_checks import base_on_hub, check_gemma, encoder_on_hub
from model_cards.trained_run import TrainedRun
from model_cards.training_data import Corpus, TrainingData


@dataclass(frozen=True)
class RunOptions:
    """What the command line says about a run, in place of what the run recorded; None for what it does not say."""

    base_model: str | None
    license: str | None


def add_run_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments for `RunOptions` to `command`."""
    command.add_argument("--base-model", metavar="ORG/NAME", help="base model on the Hub; default: as in the run")
    command.add_argument("--license", metavar="ID", help="licence of the model; default: as in its recipe")


def model_content(
    run: TrainedRun,
    scores: Scores,
    repo_id: str,
    scored: Corpus,
    trained: TrainingData,
    options: RunOptions,
    stage: Path,
) -> Push:
    """Return the content of the repo of a model that answers, with its `scores` on the corpus `scored` and a notebook.

    New files are written to the folder `stage`. Raises `InputError` for a model without a Hub id of its base, or
    without the right licence.
    """
    from huggingface_hub import constants

    license_id = options.license or run.metrics.license
    names = Names(
        model=repo_id,
        base=base_on_hub(run, options.base_model),
        base_on_hub=True,
        scored=scored,
        trained=trained,
        encoder=encoder_on_hub(run),
        scores_url=f"{constants.ENDPOINT}/{repo_id}/blob/main/{SCORES_FILE}",
    )
    check_gemma(run, names.base, trained, license_id)
    card = model_card(run, scores, names, license_id)
    files = public_files(run, scores, names, license_id) | {NOTEBOOK_FILE: model_notebook(run, names)}
    curve = draw_training_curve(stage, run.metrics)
    return Push(repo_id, "model", card, files | {curve.name: curve}, f"Publish {run.path.resolve().name}")
