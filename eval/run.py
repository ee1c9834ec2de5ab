"""An evaluation: every model answers every test question, the answers are scored, and the report is drawn."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from dataset_builder.figures import draw_papers_by_year
from dataset_builder.files import make_writable_folder, read_json, write_json, write_text
from dataset_builder.loading import corpus_revision, load_corpus_split
from dataset_builder.packaged_models import SOURCE_FILE
from dataset_builder.prompt import MAX_ANSWER_TOKENS
from eval.answering import AnswerJournal, answer_in_batches, load_model
from eval.figures import draw_similarity_by_year, draw_training_loss
from eval.model_folder import ModelFolder, find_model, training_metrics
from eval.predictions import Predictions, predictions_path, read_predictions, write_predictions
from eval.report import report_markdown
from eval.scoring import score

SCORES_FILE = "scores.json"


def run(
    dataset: str,
    configs: list[str],
    models: dict[str, str],
    encoder: str,
    out: Path,
    questions: int | None = None,
    batch_size: int = 16,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Evaluate `models` (folder or Hub id by name) on the test split of each config.

    Returns the content of scores.json, and what training measured of each model that this project trained.

    `questions` limits each config to a fixed random sample of its questions. Answers and scores that `out` holds
    already, made from the same models, questions and encoder, are not made again.

    Raises `InputError` before any work for input that cannot be evaluated.
    """
    folders = [find_model(name, given) for name, given in models.items()]
    encoder_folder = find_model("encoder", encoder)
    rows = {config: sample(load_corpus_split(dataset, config, "test").to_list(), questions) for config in configs}
    for folder in (out, out / "predictions", out / "figures"):
        make_writable_folder(folder)

    predictions = _predictions(folders, rows, encoder_folder, out, batch_size)
    scores = {
        "dataset": dataset,
        "revision": corpus_revision(dataset),
        "encoders": [_encoder_name(encoder_folder)],
        "models": {
            folder.name: {config: score(rows[config], predictions[folder.name, config]) for config in configs}
            for folder in folders
        },
        "model_folders": {folder.name: {"path": folder.given, "sha256": folder.fingerprint} for folder in folders},
    }
    metrics = training_metrics(folders)
    draw_papers_by_year(out / "figures", _papers_by_year(dataset, rows))
    draw_training_loss(out / "figures", metrics)
    draw_similarity_by_year(out / "figures", scores)
    write_text(out / "report.md", report_markdown(scores, metrics))
    write_json(out / SCORES_FILE, scores)
    return scores, metrics


def sample(rows: list[dict[str, Any]], questions: int | None) -> list[dict[str, Any]]:
    """Return `questions` of the rows in their order, chosen by a hash of paper and question; all where it is None.

    The choice depends on nothing else, and a smaller sample lies within a larger one.
    """
    if questions is None or questions >= len(rows):
        return rows

    def draw(number: int) -> str:
        return hashlib.sha256(f"{rows[number]['paper_id']}\n{rows[number]['question']}".encode()).hexdigest()

    return [rows[number] for number in sorted(sorted(range(len(rows)), key=draw)[:questions])]


def _predictions(
    folders: list[ModelFolder],
    rows: dict[str, list[dict[str, Any]]],
    encoder: ModelFolder,
    out: Path,
    batch_size: int,
) -> dict[tuple[str, str], list[float]]:
    """Answer and score what is not yet there, and return the similarities by model and config."""
    from eval.answer_similarity.answer_similarity import AnswerSimilarity

    metric = AnswerSimilarity()
    scored_by = encoder.fingerprint
    similarities = {}
    for folder in folders:
        model_and_tokenizer = None
        fingerprint = folder.fingerprint
        for config, questions in rows.items():
            path = predictions_path(out, config, folder.name)
            answers_from = _digest(fingerprint, questions)
            found = read_predictions(path, answers_from, scored_by)
            if found is None:
                model_and_tokenizer = model_and_tokenizer or load_model(folder)
                found = _answer(
                    *model_and_tokenizer, questions, path, answers_from, f"{folder.name}, {config}", batch_size
                )
            if found.similarities is None:
                found.similarities = metric.compute(
                    predictions=found.answers,
                    references=[row["answer"] for row in questions],
                    encoder=str(encoder.path),
                )["cosine_similarities"]
                write_predictions(path, questions, found, answers_from, scored_by)
                _journal_path(path).unlink(missing_ok=True)
            similarities[folder.name, config] = found.similarities
    return similarities


def _answer(
    model: Any, tokenizer: Any, rows: list[dict[str, Any]], path: Path, answers_from: str, label: str, batch_size: int
) -> Predictions:
    from tqdm import tqdm

    journal = AnswerJournal(_journal_path(path), answers_from)
    with tqdm(total=len(rows), initial=len(journal.answers), desc=f"answering: {label}", unit="question") as bar:
        for answers in answer_in_batches(model, tokenizer, rows, batch_size, set(journal.answers)):
            journal.append(answers)
            bar.update(len(journal.answers) - bar.n)
    return Predictions(answers=[journal.answers[number] for number in range(len(rows))], similarities=None)


def _journal_path(path: Path) -> Path:
    return path.with_name(f".partial.{path.stem}.jsonl")


def _digest(fingerprint: str, rows: list[dict[str, Any]]) -> str:
    """Return the SHA-256 of all that decides the predictions: model, questions, references and answer length."""
    asked = [[row["instruction"], row["context"], row["question"], row["answer"]] for row in rows]
    return hashlib.sha256(json.dumps([fingerprint, asked, MAX_ANSWER_TOKENS]).encode()).hexdigest()


def _encoder_name(encoder: ModelFolder) -> str:
    source = encoder.path / SOURCE_FILE
    return read_json(source)["hub_id"] if source.is_file() else encoder.given


def _papers_by_year(dataset: str, rows: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """Return the papers a year of a local corpus's report; for one from the Hub, which has none, of the test rows."""
    report = Path(dataset) / "report.json"
    if report.is_file():
        return read_json(report)["papers"]["by_year"]
    year_of = {row["paper_id"]: row["year"] for of_config in rows.values() for row in of_config}
    years = list(year_of.values())
    return {str(year): years.count(year) for year in sorted(set(years))}
