"""Check a run before it is published: weights, names on the Hub, and Gemma's licence."""

from pathlib import Path

from dataset_builder.corpus.card import under_gemmas_terms
from dataset_builder.errors import InputError
from dataset_builder.packaged_models import SOURCE_FILE
from model_cards.metadata import GEMMA
from model_cards.names import name_on_hub
from model_cards.trained_run import TrainedRun
from model_cards.training_data import TrainingData

# How to name the encoder in a local folder.
NAME_ENCODER = f'write {{"hub_id": "ORG/NAME"}} into its {SOURCE_FILE}'


def base_on_hub(run: TrainedRun, given: str | None) -> str:
    """Return the Hub id of a run's base model: `given`, or the recorded one; raises `InputError` without any."""
    base = given or run.metrics.base_model
    if base is None:
        raise InputError(
            f"--run {run.source}: its base model {run.metrics.base_model_path} is a local folder without a Hub id; "
            "pass --base-model ORG/NAME"
        )
    return base


def encoder_on_hub(run: TrainedRun) -> str | None:
    """Return the Hub id of the recipe's encoder; raises `InputError` if it is a local folder without one."""
    name = run.encoder and name_on_hub(run.encoder)
    if run.encoder and not name:
        raise InputError(
            f"--run {run.source}: the encoder {run.encoder} of its recipe is a local folder without a Hub id; "
            f"{NAME_ENCODER}"
        )
    return name


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


def check_gemma(run: TrainedRun, trained: TrainingData, from_gemma: bool, license_id: str | None) -> None:
    """Raise `InputError` for a model that is made from output of Gemma, and does not have Gemma's licence."""
    report = trained.corpus.report
    teacher = report.train_teacher if report else ""
    written_by_gemma = report is not None and under_gemmas_terms(teacher, report.teachers[teacher])
    if (from_gemma or written_by_gemma) and license_id != GEMMA:
        origin = trained.start if from_gemma else f"pairs written by {teacher}"
        raise InputError(
            f"--run {run.source}: the model was made from {origin}. Gemma's terms count such a model as a derivative "
            f"of Gemma, and its licence is {license_id!r}; pass --license gemma"
        )
