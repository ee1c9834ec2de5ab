"""Write and read the Parquet files of `eval run`: the answers of a system to the questions of a config, scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.corpus.questions import CorpusQuestion
from dataset_builder.errors import InputError
from dataset_builder.files import replacing

# By metric, its value for each question; None where the metric does not apply.
MetricValues = dict[str, list[float | None]]

# In the metadata of each Parquet file, its name. A file without it, or with another name, is the user's own.
FILE_NAME_KEY = "isca_qa_file"
# The columns that are not metrics.
PAPER_ID = "paper_id"
TEXT_COLUMNS = (PAPER_ID, "year", "question", "reference", "prediction")


@dataclass(frozen=True)
class ScoredAnswers:
    """The metric values of the answers to the questions of one config, and the paper of each question."""

    papers: list[str]
    values: MetricValues


def predictions_path(folder: Path, config: str, name: str) -> Path:
    """Return the file of a system or heuristic in the folder `predictions/` or `heuristics/` of an evaluation."""
    file_name = name.replace("'", "").replace(" ", "-")
    return folder / f"{config}.{file_name}.parquet"


def write_predictions(
    path: Path,
    metadata: Mapping[str, str],
    questions: Sequence[CorpusQuestion],
    answers: Sequence[str | None],
    values: MetricValues,
) -> None:
    """Write a row for each question, completely or not at all."""
    columns = {
        PAPER_ID: pa.array([question.paper_id for question in questions], pa.string()),
        "year": pa.array([question.year for question in questions], pa.int32()),
        "question": pa.array([question.question for question in questions], pa.string()),
        "reference": pa.array([question.answer for question in questions], pa.string()),
        "prediction": pa.array(answers, pa.string()),
        **{metric: pa.array(column, pa.float64()) for metric, column in values.items()},
    }
    with replacing(path) as temporary:
        table = pa.table(columns).replace_schema_metadata({FILE_NAME_KEY: path.name, **metadata})
        pq.write_table(table, temporary)


def read_predictions(path: Path) -> ScoredAnswers:
    """Return the metric values in a file of predictions; raises `InputError` for a file that cannot be read."""
    try:
        columns = pq.read_table(path).to_pydict()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read ({error}); run `python -m eval run` again") from error
    papers = columns[PAPER_ID]
    return ScoredAnswers(papers, {name: column for name, column in columns.items() if name not in TEXT_COLUMNS})


def is_predictions(path: Path) -> bool:
    """Return whether `write_predictions` wrote the file under this name."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return False
    return bool(metadata.get(FILE_NAME_KEY.encode()) == path.name.encode())
