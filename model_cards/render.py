"""The cards of trained models in their folders, as publishing writes them on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.corpus.load import corpus_revision
from dataset_builder.corpus.report import REPORT_FILE
from dataset_builder.errors import InputError
from dataset_builder.files import read_json, write_text
from eval.models import RECIPE_FILE, ModelFolder, find_model
from model_cards.figures import draw_training_curve
from model_cards.model_card import local_names, model_card
from model_cards.scores import read_scores
from model_cards.training_data import Corpus


def render(dataset: Path, scores_path: Path, dataset_id: str) -> list[Path]:
    """Write the card and the loss curve of each trained model in the scores; return the cards.

    `dataset_id` is what the cards call the corpus. Raises `InputError` for scores that are not of the corpus `dataset`
    or of these models as they are now.
    """
    scores = read_scores(scores_path)
    report = read_json(dataset / REPORT_FILE)
    if scores["revision"] != corpus_revision(str(dataset)):
        raise InputError(
            f"{scores_path}: its scores are on {scores['dataset']} as it was at {scores['revision']}, and {dataset} "
            "is another corpus; run the evaluation again"
        )
    written = []
    # A card tells of the model as it answers greedily, which is how its snippet asks it.
    greedy = [name for name, source in scores["model_folders"].items() if "consensus" not in source]
    for folder in [_scored_model(scores_path, scores, name) for name in greedy]:
        # A run of this machine: what was downloaded from the Hub has its card there.
        if (folder.path / RECIPE_FILE).is_file():
            metrics = folder.metrics()
            names = local_names(folder, Corpus(dataset_id, scores["revision"], report))
            license_id = metrics["license"] or "unknown"
            card = model_card(folder, scores, names, license_id)
            draw_training_curve(folder.path, metrics)
            written.append(folder.path / "README.md")
            write_text(written[-1], card)
    return written


def _scored_model(scores_path: Path, scores: dict[str, Any], name: str) -> ModelFolder:
    source = scores["model_folders"][name]
    folder = find_model(name, source["path"])
    if folder.fingerprint != source["sha256"]:
        raise InputError(
            f"{scores_path}: its scores of {name} were made before {source['path']} changed; run the evaluation again"
        )
    return folder
