"""Put together the content of the repo of a trained model or verifier: files, card and training curve."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.hub.card_checks import check_card
from dataset_builder.hub.changes import Push
from dataset_builder.verification.report import VERIFIER_FILE, read_verifier_report
from eval.analysis.scores import SCORES_FILE, Scores
from model_cards.cards.figures import draw_training_curve
from model_cards.cards.model_card import model_card
from model_cards.cards.notebook import NOTEBOOK_FILE, model_notebook, verifier_notebook
from model_cards.cards.verifier_card import verifier_card
from model_cards.names import Names
from model_cards.public_files import public_files, run_files
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

    New files are written to the folder `stage`. Raises `InputError` for a model without a Hub id of its base, without
    the right licence, or with other metadata that the Hub refuses.
    """
    from huggingface_hub import constants

    license_id = options.license or run.metrics.license
    url = f"{constants.ENDPOINT}/{repo_id}/blob/main/{SCORES_FILE}"
    names = _names(run, repo_id, scored, trained, options, url)
    check_gemma(run, names.base, trained, license_id)
    card = model_card(run, scores, names, license_id)
    files = public_files(run, scores, names, license_id) | {NOTEBOOK_FILE: model_notebook(run, names)}
    return _content(run, repo_id, card, files, stage)


def verifier_content(run: TrainedRun, repo_id: str, corpus: Corpus, options: RunOptions, stage: Path) -> Push:
    """Return the content of the repo of a verifier, which was trained on `corpus`, as `model_content` does."""
    trained = TrainingData(corpus, corpus.dataset)
    license_id = options.license or run.metrics.license
    names = _names(run, repo_id, corpus, trained, options)
    check_gemma(run, names.base, trained, license_id)
    report = read_verifier_report(run.path)
    card = verifier_card(run, report, names, license_id)
    files = run_files(run, names, license_id) | {
        VERIFIER_FILE: run.path / VERIFIER_FILE,
        NOTEBOOK_FILE: verifier_notebook(run, report, names),
    }
    return _content(run, repo_id, card, files, stage)


def _names(
    run: TrainedRun,
    repo_id: str,
    scored: Corpus,
    trained: TrainingData,
    options: RunOptions,
    scores_url: str | None = None,
) -> Names:
    return Names(
        model=repo_id,
        base=base_on_hub(run, options.base_model),
        base_on_hub=True,
        scored=scored,
        trained=trained,
        encoder=encoder_on_hub(run),
        scores_url=scores_url,
    )


def _content(run: TrainedRun, repo_id: str, card: str, files: dict[str, Path | bytes], stage: Path) -> Push:
    check_card(card, f"the card of {run.source}")
    curve = draw_training_curve(stage, run.metrics)
    return Push(repo_id, "model", card, files | {curve.name: curve}, f"Publish {run.path.resolve().name}")
