"""Predictions: one Parquet file a config and model, one row a question, with its reference, answer and measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.files import replacing


def predictions_path(out: Path, config: str, model: str) -> Path:
    """Return where the predictions of a model on a config lie."""
    return out / "predictions" / f"{config}.{model}.parquet"


def write_predictions(
    path: Path,
    rows: list[dict[str, Any]],
    answers: list[str | None],
    measured: dict[str, list[float | None]],
) -> None:
    """Write the answers to `rows` with their measures, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "paper_id": pa.array([row["paper_id"] for row in rows], pa.string()),
            "year": pa.array([row["year"] for row in rows], pa.int32()),
            "question": pa.array([row["question"] for row in rows], pa.string()),
            "reference": pa.array([row["answer"] for row in rows], pa.string()),
            "prediction": pa.array(answers, pa.string()),
            **{name: pa.array(values, pa.float64()) for name, values in measured.items()},
        }
    )
    with replacing(path) as temporary:
        pq.write_table(table, temporary)
