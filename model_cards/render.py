"""Write the cards of trained models into their folders.

python -m model_cards render --dataset data/corpus --scores runs/eval/scores.json
"""

import argparse
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.load import corpus_revision
from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, write_text
from dataset_builder.hub.changes import CARD_FILE
from eval.analysis.scores import Scores, read_scores
from model_cards.cards.figures import draw_training_curve
from model_cards.cards.model_card import model_card
from model_cards.names import Names, name_on_hub
from model_cards.trained_run import UNKNOWN_LICENSE, TrainedRun, scored_runs
from model_cards.training_data import Corpus, StartModel, TrainingData, corpus_on_hub, local_corpus


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `render`."""
    command.add_argument("--dataset", required=True, metavar="CORPUS", help="corpus of the scores, folder or Hub id")
    command.add_argument(
        "--scores", type=Path, required=True, metavar="FILE", help="scores.json of an evaluation of the models"
    )
    command.add_argument(
        "--dataset-id", default="isca-qa", metavar="ID", help="name of a corpus folder in cards; default: %(default)s"
    )


def run_command(arguments: argparse.Namespace) -> None:
    """Write the cards and print their paths."""
    for path in render(arguments.dataset, arguments.scores, arguments.dataset_id):
        Console().print(f"Card: {path}", soft_wrap=True)


def render(dataset: str, scores_path: Path, dataset_id: str) -> list[Path]:
    """Write the card and the training curve of each model that the scores name and this machine trained.

    `dataset_id` is the name in the cards of a corpus in a folder. Returns the cards. Raises `InputError` if the corpus
    `dataset` or a model has changed since the evaluation, or a model's folder is not writable.
    """
    if not dataset_id.strip():
        raise InputError("--dataset-id: is empty; give the name of the corpus, or leave the option out")
    scores = read_scores(scores_path)
    scored = _scored_corpus(dataset, scores, scores_path, dataset_id)
    cards = []
    for run in scored_runs(scores, scores_path):
        make_writable_folder(run.path)
        card = model_card(run, scores, local_names(run, scored), run.metrics.license or UNKNOWN_LICENSE)
        draw_training_curve(run.path, run.metrics)
        cards.append(run.path / CARD_FILE)
        write_text(cards[-1], card)
    return cards


def _scored_corpus(dataset: str, scores: Scores, scores_path: Path, dataset_id: str) -> Corpus:
    if not Path(dataset).is_dir():
        if name_on_hub(dataset) is None:
            raise InputError(f"--dataset {dataset}: folder not found; give the folder of a corpus, or its Hub id")
        use = f"the corpus of the scores in {scores_path}"
        return corpus_on_hub(scores.dataset, scores.revision, dataset, "--dataset", use)
    if scores.revision != corpus_revision(dataset):
        raise InputError(
            f"{scores_path}: the scores are on revision {scores.revision} of {scores.dataset}, and {dataset} has "
            "another revision; run the evaluation again"
        )
    return Corpus(dataset_id, scores.revision, read_corpus_report(Path(dataset)))


def local_names(run: TrainedRun, scored: Corpus) -> Names:
    """Return the names for the card of a model on this machine."""
    return Names(
        model=run.source,
        base=run.metrics.base_model or run.metrics.base_model_path,
        base_on_hub=run.metrics.base_model is not None,
        scored=scored,
        trained=TrainingData(
            local_corpus(run.metrics.dataset, run.metrics.dataset_revision, scored),
            StartModel(run.metrics.adapter, under_gemmas_terms=False) if run.metrics.adapter else None,
        ),
        encoder=run.encoder and (name_on_hub(run.encoder) or run.encoder),
    )
