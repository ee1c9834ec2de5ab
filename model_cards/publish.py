r"""Publish a trained model on the Hub with its card and its scores.

python -m model_cards publish --run runs/smollm2-lora --scores runs/eval/scores.json \
    --dataset-id ORG/isca-qa --repo-id ORG/smollm2-isca-qa-lora --dry-run
"""

import argparse
import tempfile
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.hub.changes import print_pushed
from dataset_builder.hub.push import add_push_arguments, check_repo_id, push
from dataset_builder.models.folders import METRICS_FILE, find_model
from eval.analysis.scores import Scores, read_scores
from model_cards.names import start_on_hub
from model_cards.publish_checks import check_encoders, check_names, check_weights
from model_cards.repo_content import RunOptions, add_run_arguments, model_content
from model_cards.trained_run import TrainedRun, read_trained_run
from model_cards.training_data import Corpus, TrainingData, corpus_on_hub


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
        "--start-model", metavar="ORG/NAME", help="adapter that DPO started from, on the Hub; default: as in the run"
    )
    add_run_arguments(command)
    add_push_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Publish the model or adapter of a finished run with its scores, and print what changed on the Hub.

    The corpora must be on the Hub already: card and scores name their commits. Raises `InputError`, before anything is
    sent, if run, scores and corpora do not fit together.
    """
    check_repo_id(arguments.repo_id)
    scores = read_scores(arguments.scores)
    run = _scored_run(arguments.run, scores, arguments.scores)
    options = RunOptions(arguments.base_model, arguments.license)
    check_names(run, options.base_model)
    check_encoders(scores, arguments.scores)
    use = f"the corpus of the scores in {arguments.scores}"
    scored = corpus_on_hub(scores.dataset, scores.revision, arguments.dataset_id, "--dataset-id", use)
    trained = _training_data(run, scored, arguments.train_dataset_id, arguments.start_model)
    with tempfile.TemporaryDirectory() as stage:
        content = model_content(run, scores, arguments.repo_id, scored, trained, options, Path(stage))
        pushed = push(content, arguments.private, arguments.tag, arguments.dry_run)
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
            f"{system.model or name} ({system.prompt} prompt, {system.decoding} decoding)"
            for name, system in scores.systems.items()
        ]
        raise InputError(
            f"--scores {scores_path}: has no scores of {run_folder} as it is now, with the plain prompt and greedy "
            f"decoding, only of {', '.join(described)}; evaluate it first"
        )
    return run


def _training_data(run: TrainedRun, scored: Corpus, dataset_id: str | None, start_model: str | None) -> TrainingData:
    """Return the training data of a run under Hub ids."""
    source = f"--run {run.source}"
    dataset, revision = run.metrics.dataset, run.metrics.dataset_revision
    if revision is None:
        raise InputError(
            f"{source}: {METRICS_FILE} does not say at which revision of {dataset} the model was trained; train it "
            "again"
        )
    if dataset_id is None and revision in (scored.revision, scored.report and scored.report.revision):
        corpus = scored
    else:
        use = f"the corpus that {run.source} was trained on"
        corpus = corpus_on_hub(dataset, revision, dataset_id, "--train-dataset-id", use)
    return TrainingData(
        corpus, start_on_hub(run.metrics.adapter, start_model, source) if run.metrics.adapter else None
    )
