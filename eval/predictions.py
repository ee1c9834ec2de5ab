"""Predictions: one Parquet file a config and model, one row a question, with its reference, answer and similarity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.files import replacing

# Says in the file's own metadata what the answers were made from, and what scored them.
ANSWERS_KEY = b"isca_qa.answers_from"
SCORES_KEY = b"isca_qa.scored_by"


@dataclass
class Predictions:
    """The answers of one model to one config's questions. `similarities` is None until they are scored."""

    answers: list[str]
    similarities: list[float] | None


def predictions_path(out: Path, config: str, model: str) -> Path:
    """Return where the predictions of a model on a config lie."""
    return out / "predictions" / f"{config}.{model}.parquet"


def read_predictions(path: Path, answers_from: str, scored_by: str) -> Predictions | None:
    """Return what `path` holds if it was made from the same model and questions, else None.

    The similarities count only if the same encoder gave them.
    """
    import pyarrow.parquet as pq

    if not path.is_file():
        return None
    table = pq.read_table(path)
    metadata = table.schema.metadata or {}
    if metadata.get(ANSWERS_KEY) != answers_from.encode():
        return None
    scored = metadata.get(SCORES_KEY) == scored_by.encode()
    similarities = table["cosine_similarity"].to_pylist() if scored else None
    return Predictions(answers=table["prediction"].to_pylist(), similarities=similarities)


def write_predictions(
    path: Path, rows: list[dict[str, Any]], predictions: Predictions, answers_from: str, scored_by: str
) -> None:
    """Write the scored predictions on `rows`, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "paper_id": pa.array([row["paper_id"] for row in rows], pa.string()),
            "year": pa.array([row["year"] for row in rows], pa.int32()),
            "question": pa.array([row["question"] for row in rows], pa.string()),
            "reference": pa.array([row["answer"] for row in rows], pa.string()),
            "prediction": pa.array(predictions.answers, pa.string()),
            "cosine_similarity": pa.array(predictions.similarities, pa.float64()),
        }
    ).replace_schema_metadata({ANSWERS_KEY: answers_from.encode(), SCORES_KEY: scored_by.encode()})
    with replacing(path) as temporary:
        pq.write_table(table, temporary)
