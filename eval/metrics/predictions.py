"""Write predictions: a Parquet file for each config and system, with a row for each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import replacing

# By metric, its value for each question; None where the metric does not apply.
MetricValues = dict[str, list[float | None]]


def write_predictions(
    folder: Path,
    questions: Mapping[str, Sequence[CorpusQuestion]],
    answers: Mapping[str, Mapping[str, Sequence[str | None]]],
    values: Mapping[str, Mapping[str, MetricValues]],
) -> None:
    """Write `folder`/CONFIG.NAME.parquet with the answers of each system or heuristic and their metric values.

    Files of other configs and systems, from an earlier run, are removed: scores.json does not contain them.
    """
    written = set()
    for config, by_name in answers.items():
        for name, given in by_name.items():
            path = folder / f"{config}.{_file_name(name)}.parquet"
            _write(path, questions[config], given, values[config][name])
            written.add(path)
    for stale in set(folder.glob("*.parquet")) - written:
        stale.unlink()


def _file_name(name: str) -> str:
    return name.replace("'", "").replace(" ", "-")


def _write(
    path: Path, questions: Sequence[CorpusQuestion], answers: Sequence[str | None], values: MetricValues
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "paper_id": pa.array([question.paper_id for question in questions], pa.string()),
            "year": pa.array([question.year for question in questions], pa.int32()),
            "question": pa.array([question.question for question in questions], pa.string()),
            "reference": pa.array([question.answer for question in questions], pa.string()),
            "prediction": pa.array(answers, pa.string()),
            **{name: pa.array(metric_values, pa.float64()) for name, metric_values in values.items()},
        }
    )
    with replacing(path) as temporary:
        pq.write_table(table, temporary)
