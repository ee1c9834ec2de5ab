"""Cards: the README.md of the corpus and of each trained model, from what the other rooms measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.build import REPORT_FILE
from dataset_builder.errors import InputError
from dataset_builder.files import read_json, write_text
from dataset_builder.loading import corpus_revision
from eval.comparison import as_markdown, comparison
from eval.model_folder import ModelFolder, find_model, training_metrics
from model_cards.corpus_card import corpus_card
from model_cards.model_card import model_card


def render(dataset: Path, scores_path: Path, dataset_id: str) -> list[Path]:
    """Write the card of the corpus `dataset` and of each trained model in the scores; return the files written.

    `dataset_id` is what the cards call the corpus. Raises `InputError` for scores that are not of this corpus or of
    these models as they are now.
    """
    scores = read_json(scores_path)
    report = read_json(dataset / REPORT_FILE)
    if scores["revision"] != corpus_revision(str(dataset)):
        raise InputError(
            f"{scores_path}: its scores are on {scores['dataset']} as it was at {scores['revision']}, and {dataset} "
            "is another corpus; run the evaluation again"
        )
    folders = [_scored_model(scores_path, scores, name) for name in scores["models"]]
    metrics = training_metrics(folders)
    shared = {
        "scores": scores,
        "comparison": as_markdown(*comparison(scores, metrics)),
        "encoders": ", ".join(f"`{encoder}`" for encoder in scores["encoders"]),
        "dataset_id": dataset_id,
    }
    written = [dataset / "README.md"]
    write_text(written[0], corpus_card(dataset, report, shared))
    for folder in folders:
        if folder.name in metrics:
            path = folder.path / "README.md"
            write_text(path, model_card(folder, metrics[folder.name], report, shared))
            written.append(path)
    return written


def _scored_model(scores_path: Path, scores: dict[str, Any], name: str) -> ModelFolder:
    source = scores["model_folders"][name]
    folder = find_model(name, source["path"])
    if folder.fingerprint != source["sha256"]:
        raise InputError(
            f"{scores_path}: its scores of {name} were made before {source['path']} changed; run the evaluation again"
        )
    return folder
