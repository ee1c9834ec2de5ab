"""Check a run before it is published: weights, names on the Hub, and Gemma's licence."""

import re
from pathlib import Path

from dataset_builder.corpus.publication.card import under_gemmas_terms
from dataset_builder.errors import InputError
from dataset_builder.models.packaged import SOURCE_FILE
from eval.analysis.scores import Scores
from model_cards.cards.metadata import GEMMA
from model_cards.names import name_on_hub
from model_cards.trained_run import TrainedRun
from model_cards.training_data import TrainingData

# How to name the encoder in a local folder.
NAME_ENCODER = f'write {{"hub_id": "ORG/NAME"}} into its {SOURCE_FILE}'
# Gemma 4 is under Apache-2.0, and not under the terms of the Gemma models before it.
GEMMA_ID = re.compile(r"gemma(?!-?4\b)", re.IGNORECASE)


def base_on_hub(run: TrainedRun, given: str | None) -> str:
    """Return the Hub id of a run's base model: `given`, or the recorded one; raises `InputError` without any."""
    base = given or run.metrics.base_model
    if base is None:
        raise InputError(
            f"{run.source}: its base model {run.metrics.base_model_path} is a local folder without a Hub id; "
            "pass --base-model ORG/NAME"
        )
    return base


def encoder_on_hub(run: TrainedRun) -> str | None:
    """Return the Hub id of the recipe's encoder; raises `InputError` if it is a local folder without one."""
    name = run.encoder and name_on_hub(run.encoder)
    if run.encoder and not name:
        raise InputError(
            f"{run.source}: the encoder {run.encoder} of its recipe is a local folder without a Hub id; {NAME_ENCODER}"
        )
    return name


def check_names(run: TrainedRun, base_model: str | None) -> None:
    """Raise `InputError` if the base model or an encoder of a run has no Hub id. It asks the Hub nothing."""
    base_on_hub(run, base_model)
    encoder_on_hub(run)


def check_encoders(scores: Scores, scores_path: Path) -> None:
    """Raise `InputError` if an encoder of the scores is named by its folder."""
    for encoder in scores.encoders:
        if name_on_hub(encoder) != encoder:
            raise InputError(
                f"--scores {scores_path}: the encoder {encoder} is a local folder without a Hub id; {NAME_ENCODER} "
                "and run the evaluation again, which keeps the answers"
            )


def check_weights(folder: Path) -> None:
    """Raise `InputError` for a safetensors file that is not complete or has no weights."""
    from safetensors import SafetensorError, safe_open

    for path in folder.glob("*.safetensors"):
        try:
            with safe_open(path, framework="numpy") as weights:
                empty = not weights.keys()
        except SafetensorError as error:
            raise InputError(f"{path}: is not a complete safetensors file ({error}); train the model again") from error
        if empty:
            raise InputError(f"{path}: has no weights; train the model again")


def check_gemma(run: TrainedRun, base: str, trained: TrainingData, license_id: str | None) -> None:
    """Raise `InputError` for a model that is made from Gemma or its output, and does not have Gemma's licence.

    `base` is the Hub id of the base model.
    """
    report, origin = trained.corpus.report, None
    gemmas = [name for name in (base, run.metrics.base_model) if name and GEMMA_ID.search(name)]
    if gemmas:
        origin = gemmas[0]
    elif trained.start is not None and trained.start.under_gemmas_terms:
        origin = trained.start.name
    elif report is not None:
        teachers = [name for name in report.train_teachers if under_gemmas_terms(name, report.teachers[name])]
        origin = f"pairs written by {teachers[0]}" if teachers else None
    if origin is not None and license_id != GEMMA:
        raise InputError(
            f"{run.source}: the model was made from {origin}. Gemma's terms count such a model as a derivative "
            f"of Gemma, and its licence is {license_id!r}; pass --license gemma"
        )
