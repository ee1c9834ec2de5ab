r"""Publish a trained model on the Hub with its card and its scores.

python -m model_cards publish --run runs/smollm2-lora --scores runs/eval/scores.json \
    --dataset-id ORG/isca-qa --repo-id ORG/smollm2-isca-qa-lora --dry-run
"""

import argparse
import tempfile
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.card_checks import check_metadata
from dataset_builder.hub.changes import Push, print_pushed
from dataset_builder.hub.push import add_push_arguments, check_repo_id, push
from dataset_builder.model_folders import METRICS_FILE, find_model
from eval.analysis.scores import SCORES_FILE, Scores, read_scores
from model_cards.figures import draw_training_curve
from model_cards.model_card import model_card
from model_cards.names import Names, name_on_hub, start_on_hub
from model_cards.public_files import public_files
from model_cards.publish_checks import NAME_ENCODER, base_on_hub, check_gemma, check_weights, encoder_on_hub
from model_cards.trained_run import TrainedRun, read_trained_run
from model_cards.training_data import Corpus, TrainingData, corpus_on_hub, training_data


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `publish`."""
    command.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    command.add_argument("--scores", type=Path, required=True, metavar="FILE", help="scores.json of its evaluation")
    command.add_argument(
        "--dataset-id", metavar="ORG/NAME", help="corpus of the scores, on the Hub; default: as in the scores"
    )
    command.add_argument(
        "--train-dataset-id", metavar="ORG/NAME", help="training corpus, on the Hub, if it is another corpus"
    )
    command.add_argument(
        "--start-model", metavar="ORG/NAME", help="start of GRPO or best of n, on the Hub; default: as in the run"
    )
    command.add_argument("--base-model", metavar="ORG/NAME", help="base model on the Hub; default: as in the run")
    command.add_argument("--license", metavar="ID", help="licence of the model; default: as in its recipe")
    add_push_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Publish the model or adapter of a finished run with its scores, and print what changed on the Hub.

    The corpora must be on the Hub already: card and scores name their commits. Raises `InputError`, before anything is
    sent, if run, scores and corpora do not fit together.
    """
    from huggingface_hub import ModelCard, constants

    check_repo_id(arguments.repo_id)
    run_folder: Path = arguments.run
    scores = read_scores(arguments.scores)
    run = _scored_run(run_folder, scores, arguments.scores)
    base = base_on_hub(run, arguments.base_model)
    encoder = _check_encoders(scores, arguments.scores, run)
    use = f"the corpus of the scores in {arguments.scores}"
    scored = corpus_on_hub(scores.dataset, scores.revision, arguments.dataset_id, "--dataset-id", use)
    trained, from_gemma = _training_data(run, scored, arguments.train_dataset_id, arguments.start_model)
    license_id = arguments.license or run.metrics.license
    check_gemma(run, trained, from_gemma, license_id)
    names = Names(
        model=arguments.repo_id,
        base=base,
        base_on_hub=True,
        scored=scored,
        trained=trained,
        encoder=encoder,
        scores_url=f"{constants.ENDPOINT}/{arguments.repo_id}/blob/main/{SCORES_FILE}",
    )
    card = model_card(run, scores, names, license_id)
    metadata = ModelCard(card).data.to_dict()  # type: ignore[no-untyped-call]  # the class has no types
    check_metadata(metadata, f"the card of {run_folder}")
    with tempfile.TemporaryDirectory() as temporary:
        curve = draw_training_curve(Path(temporary), run.metrics)
        files = {**public_files(run, scores, names, license_id), curve.name: curve}
        change = Push(arguments.repo_id, "model", card, files, f"Publish {run.path.resolve().name}")
        pushed = push(change, arguments.private, arguments.tag, arguments.dry_run)
    print_pushed(pushed, arguments.dry_run)


def _scored_run(run_folder: Path, scores: Scores, scores_path: Path) -> TrainedRun:
    """Return the run, with the name of its model in the scores."""
    if not run_folder.is_dir():
        raise InputError(f"--run {run_folder}: folder not found; give the folder of a run")
    folder = find_model(run_folder.name, str(run_folder))
    systems = {name: system for name, system in scores.systems.items() if system.is_asked_as_published}
    system = next((name for name in systems if systems[name].sha256 == folder.fingerprint), None)
    run = read_trained_run(folder, system or run_folder.name)
    if run is None:
        raise InputError(f"--run {run_folder}: has no {METRICS_FILE}, so it is not a run; give the folder of a run")
    check_weights(run_folder)
    if system is None:
        described = [
            f"{system.model or name} ({system.prompt} prompt, {system.decoding.method} decoding)"
            for name, system in scores.systems.items()
        ]
        raise InputError(
            f"--scores {scores_path}: has no scores of {run_folder} as it is now, with the plain prompt and greedy "
            f"decoding, only of {', '.join(described)}; evaluate it first"
        )
    return run


def _check_encoders(scores: Scores, scores_path: Path, run: TrainedRun) -> str | None:
    """Return the Hub id of the recipe's encoder; raises `InputError` if an encoder of recipe or scores has none."""
    for encoder in (*scores.encoders, *([scores.cross_encoder] if scores.cross_encoder else [])):
        if name_on_hub(encoder) != encoder:
            raise InputError(
                f"--scores {scores_path}: the encoder {encoder} is a local folder without a Hub id; {NAME_ENCODER} "
                "and run the evaluation again, which keeps the answers"
            )
    return encoder_on_hub(run)


def _training_data(
    run: TrainedRun, scored: Corpus, dataset_id: str | None, start_model: str | None
) -> tuple[TrainingData, bool]:
    """Return the training data of a run under Hub ids, and whether it started from a model under Gemma's terms."""
    started_from_gemma = False

    def find_corpus(dataset: str, revision: str | None) -> Corpus:
        if revision is None:
            raise InputError(
                f"--run {run.source}: {METRICS_FILE} does not say at which revision of {dataset} the model was "
                "trained; train it again"
            )
        if dataset_id is None and revision in (scored.revision, scored.report and scored.report.revision):
            return scored
        use = f"the corpus that {run.source} was trained on"
        return corpus_on_hub(dataset, revision, dataset_id, "--train-dataset-id", use)

    def name_model(model: str) -> str:
        nonlocal started_from_gemma
        name, started_from_gemma = start_on_hub(model, start_model, f"--run {run.source}")
        return name

    return training_data(run.metrics, f"--run {run.source}", find_corpus, name_model), started_from_gemma
