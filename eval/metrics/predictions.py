"""Write the Parquet files of `eval run`: the answers of a system to the questions of a config, scored."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.files import replacing

# By metric, its value for each question; None where the metric does not apply.
MetricValues = dict[str, list[float | None]]


def predictions_path(folder: Path, config: str, name: str) -> Path:
    """Return the file of a system or heuristic in the folder `predictions/` or `heuristics/` of an evaluation."""
    file_name = name.replace("'", "").replace(" ", "-")
    return folder / f"{config}.{file_name}.parquet"


def write_predictions(
    path: Path,
    questions: Sequence[CorpusQuestion],
    answers: Sequence[str | None],
    values: MetricValues,
) -> None:
    """Write a row for each question, completely or not at all."""
    columns = {
        "paper_id": pa.array([question.paper_id for question in questions], pa.string()),
        "year": pa.array([question.year for question in questions], pa.int32()),
        "question": pa.array([question.question for question in questions], pa.string()),
        "reference": pa.array([question.answer for question in questions], pa.string()),
        "prediction": pa.array(answers, pa.string()),
        **{metric: pa.array(column, pa.float64()) for metric, column in values.items()},
    }
    with replacing(path) as temporary:
        pq.write_table(pa.table(columns), temporary)
