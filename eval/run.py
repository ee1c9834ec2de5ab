"""An evaluation: every model answers every test question, the answers are measured, and the report is drawn."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.errors import InputError
from dataset_builder.figures import draw_papers_by_year
from dataset_builder.files import exclusive_lock, make_writable_folder, read_json, write_json, write_text
from dataset_builder.hardware import start_process
from dataset_builder.packaged_models import hub_id
from eval.analysis.aggregate import Measured, score_all
from eval.analysis.heuristics import compute_heuristics
from eval.generation.collect import collect_answers
from eval.generation.mbr import Consensus
from eval.generation.shared_prefix import Sampling
from eval.metrics.compute import Measuring
from eval.metrics.predictions import predictions_path
from eval.models import EncoderFolder, find_encoder, find_model, tokenizer_folder, training_metrics
from eval.question_sample import sample_questions
from eval.report.figures import draw_similarity_by_year, draw_training_loss
from eval.report.html import report_html
from eval.report.markdown import report_markdown

SCORES_FILE = "scores.json"
REFERENCES_FOLDER = "heuristics"


def run(
    dataset: str,
    configs: list[str],
    models: dict[str, str],
    encoders: list[str],
    out: Path,
    questions: int | None = None,
    batch_size: int | None = None,
    cross_encoder: str | None = None,
    consensus: dict[str, str] | None = None,
    sampling: Sampling | None = None,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    """Evaluate `models` (folder or Hub id by name) on the test split of each config.

    Returns the content of scores.json, and what training measured of each model that this project trained; under
    `accelerate launch` the first process does, and the others, which only answer, return None.

    `questions` limits each config to a fixed random sample of its questions. The first of `encoders` gives the
    headline measure. Answers that `out` holds already, made by the same model, are not made again. The models of
    `consensus` answer by that of their `sampling` that the first encoder finds nearest to all.

    Raises `InputError` before any model is loaded for input that cannot be evaluated, and where another run is at work
    in `out`.
    """
    folders = [find_model(name, given) for name, given in models.items()]
    choosing = [find_model(name, given) for name, given in (consensus or {}).items()]
    for folder in (*folders, *choosing):
        tokenizer_folder(folder)
    encoder_folders = [find_encoder("--encoder", encoder) for encoder in encoders]
    folders += [replace(folder, consensus=Consensus(sampling, encoder_folders[0])) for folder in choosing]
    cross_encoder_folder = find_encoder("--cross-encoder", cross_encoder) if cross_encoder else None
    # First of all, so that the rows are those of the revision, whatever is pushed in the meantime.
    revision = corpus_revision(dataset)
    corpus = {config: _test_rows(dataset, config, revision) for config in configs}
    rows = {config: sample_questions(of_config, questions) for config, of_config in corpus.items()}
    for name in ("predictions", "figures", "answers", REFERENCES_FOLDER):
        make_writable_folder(out / name)

    process = start_process()
    with exclusive_lock(out) if process.is_main_process else nullcontext():
        measuring = Measuring(encoder_folders, cross_encoder_folder) if process.is_main_process else None
        answers = collect_answers(folders, rows, out / "answers", process, batch_size)
        if measuring is None:
            return None
        with Console(stderr=True).status("measuring the answers") as status:
            measured = _measure(
                {
                    config: {
                        folder.name: (predictions_path(out, config, folder.name), answers[folder.name][config])
                        for folder in folders
                    }
                    for config in rows
                },
                rows,
                measuring,
            )
            status.update("measuring floors and ceilings")
            references = compute_heuristics(rows, corpus, measuring.first)
            of_heuristics = _measure(
                {
                    config: {
                        of.name: (out / REFERENCES_FOLDER / f"{config}.{_slug(of.name)}.parquet", of.answers)
                        for of in of_config
                    }
                    for config, of_config in references.items()
                },
                rows,
                measuring,
            )
            status.update("drawing resamples for intervals and differences")
            scores = {
                "dataset": dataset,
                "revision": revision,
                "encoders": [_encoder_name(folder) for folder in encoder_folders],
                **({"cross_encoder": _encoder_name(cross_encoder_folder)} if cross_encoder_folder else {}),
                **score_all(rows, measured, references, of_heuristics),
                "model_folders": {
                    folder.name: {
                        "path": folder.given,
                        "sha256": folder.fingerprint,
                        **({"consensus": folder.consensus.as_dict()} if folder.consensus else {}),
                    }
                    for folder in folders
                },
            }
            status.update("writing the report")
            metrics = training_metrics(folders)
            papers_by_year = _papers_by_year(dataset, rows)
            draw_papers_by_year(out / "figures", papers_by_year)
            draw_training_loss(out / "figures", metrics)
            draw_similarity_by_year(out / "figures", scores)
            write_text(out / "report.md", report_markdown(scores, metrics))
            write_text(out / "report.html", report_html(scores, metrics, rows, answers, measured, papers_by_year))
            scores = _dated(out / SCORES_FILE, scores)
            write_json(out / SCORES_FILE, scores)
    return scores, metrics


def _measure(
    wanted: dict[str, dict[str, tuple[Path, list[str | None]]]],
    rows: dict[str, list[dict[str, Any]]],
    measuring: Measuring,
) -> dict[str, dict[str, Measured]]:
    """Return the measures by config and name of answers whose file, too, is given; other files there are removed."""
    measured = {
        config: {name: measuring.measure(path, rows[config], answers) for name, (path, answers) in of_config.items()}
        for config, of_config in wanted.items()
    }
    paths = {path for of_config in wanted.values() for path, _ in of_config.values()}
    # Left by a run with other models or configs, which scores.json no longer speaks of.
    for folder in {path.parent for path in paths}:
        for left in set(folder.glob("*.parquet")) - paths:
            left.unlink()
    return measured


def _dated(path: Path, scores: dict[str, Any]) -> dict[str, Any]:
    """Return `scores` with the day, UTC, they were measured on: that in `path` where it holds the same scores."""
    held = read_json(path) if path.is_file() else {}
    date = held.pop("date", None)
    if date is None or held != json.loads(json.dumps(scores)):
        date = datetime.now(UTC).date().isoformat()
    return {"date": date, **scores}


def _test_rows(dataset: str, config: str, revision: str) -> list[dict[str, Any]]:
    """Return the test rows of a config; raises `InputError` where one lacks abstract, question or answer."""
    commit = None if Path(dataset).is_dir() else revision
    rows = load_corpus_split(dataset, config, "test", commit).to_list()
    if not rows:
        raise InputError(f"dataset {dataset!r}, config {config!r}: its test split is empty; add test papers and pairs")
    for number, row in enumerate(rows):
        for column in ("context", "question", "answer"):
            if not (row[column] or "").strip():
                raise InputError(
                    f"dataset {dataset!r}, config {config!r}, test row {number}: its {column!r} is empty; build the "
                    "corpus with `python -m dataset_builder build`"
                )
    return rows


def _slug(name: str) -> str:
    return name.replace("'", "").replace(" ", "-")


def _encoder_name(encoder: EncoderFolder) -> str:
    return hub_id(encoder.path) or encoder.given


def _papers_by_year(dataset: str, rows: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """Return the papers a year of a local corpus's report; for one from the Hub, which has none, of the test rows."""
    report = Path(dataset) / "report.json"
    if report.is_file():
        return read_json(report)["papers"]["by_year"]
    year_of = {row["paper_id"]: row["year"] for of_config in rows.values() for row in of_config}
    years = list(year_of.values())
    return {str(year): years.count(year) for year in sorted(set(years))}
