"""Define the tracked files in results/, from which README.md and docs/ take their figures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from dataset_builder.formats import FileFormat, read_format
from eval.analysis.scores import Scores, read_scores
from eval.run_metrics import RunMetrics

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "results"
SAMPLE_SCORES = RESULTS / "sample.json"
SAMPLE_RUN = RESULTS / "sample_run.json"
REAL_ABSTRACTS = RESULTS / "real_abstracts.json"
REMEDY = "write it again: python -m docs.record_run --help"


class ExampleAnswer(FileFormat):
    """The answer of a system to a question, and its similarity to the reference answer (-1 to 1)."""

    text: str
    similarity: float


class Example(FileFormat):
    """A test question of the sample, its reference answer, and the answers by system."""

    config: str
    question: str
    title: str
    year: int
    reference: str
    answers: dict[str, ExampleAnswer]


class SampleRun(FileFormat):
    """Where the figures of results/sample.json come from, and two examples of its answers."""

    date: str
    commit: str
    command: str
    machine: str
    good_example: Example
    wrong_example: Example


class TranscribedScore(FileFormat):
    """A mean similarity and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


class TranscribedSystem(FileFormat):
    """One line of a table in RESULTS.md: scores by config."""

    kind: Literal["heuristic baseline", "system", "upper bound"]
    configs: dict[str, TranscribedScore]


class TranscribedScores(FileFormat):
    """A table of RESULTS.md, copied by hand because the run's scores.json was not kept."""

    transcribed_from: str
    date: str
    trained_at: str
    evaluated_at: str
    machine: str
    commands: list[str]
    questions_per_config: int
    encoder: str
    systems: dict[str, TranscribedSystem]


def sample_scores() -> Scores:
    """Return the scores of the run on the sample."""
    return read_scores(SAMPLE_SCORES)


def sample_metrics(system: str) -> RunMetrics | None:
    """Return what training `system` measured in the run on the sample; None for a system that was not trained."""
    path = RESULTS / f"sample_{system}.json"
    return read_format(RunMetrics, path, REMEDY) if path.is_file() else None


def sample_run() -> SampleRun:
    """Return the record of the run on the sample."""
    return read_format(SampleRun, SAMPLE_RUN, REMEDY)


def real_abstracts() -> TranscribedScores:
    """Return the scores on real abstracts that RESULTS.md holds."""
    return read_format(TranscribedScores, REAL_ABSTRACTS, "copy the table of RESULTS.md again")
