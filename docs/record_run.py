"""Record a finished `make reproduce` in results/, from which README.md and docs/ take their figures.

python -m docs.record_run --runs runs/reproduce --base smollm2
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Any

from dataset_builder.corpus.report import CorpusReport, read_corpus_report
from dataset_builder.corpus.rows import iterate_rows
from dataset_builder.corpus.split_files import find_split_files
from dataset_builder.errors import InputError, exit_on_input_error
from dataset_builder.formats import write_format
from docs.machine import describe_machine
from docs.results import (
    BASELINE,
    CONFIGS,
    HEADLINE,
    RESULTS,
    RUN_NAME,
    SCORES_NAME,
    TRAINED,
    Example,
    ExampleAnswer,
    RecordedRun,
    Results,
    metrics_name,
)
from eval.analysis.scores import SCORES_FILE, Scores, read_scores
from eval.metrics.predictions import predictions_path
from eval.run_metrics import RunMetrics, read_run_metrics
from training.commit import describe_commit

# Test questions, chosen by reading the answers: config, paper, and the number of the question among the paper's own.
GOOD_EXAMPLE = ("detailed", "10.1109/isca59077.2024.00041", "1")
WRONG_EXAMPLE = ("plain", "10.1145/3579371.3589350", "1")


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m docs.record_run", description=__doc__)
    add = command.add_argument
    add("--runs", type=Path, default=Path("runs/reproduce"), metavar="DIR", help="folder of the run")
    add("--base", default="smollm2", help="base model: the beginning of the names of the training folders")
    add("--command", default="make reproduce", help="the command that ran; default: %(default)s")
    add("--commit", help="commit of the code that ran; default: the commit that is checked out")
    add("--machine", help="the machine, in words; default: this machine")
    for option, default in (("--good-example", GOOD_EXAMPLE), ("--wrong-example", WRONG_EXAMPLE)):
        metavar = ("CONFIG", "PAPER_ID", "NUMBER")
        add(option, nargs=3, default=default, metavar=metavar, help=f"a test question; default: {' '.join(default)}")
    add("--out", type=Path, default=RESULTS, metavar="DIR", help="folder of the recorded files; default: results")
    return command


def main() -> None:
    """Record the scores, the training metrics and two examples of a run."""
    arguments = parser().parse_args()
    scores = read_scores(arguments.runs / "eval" / SCORES_FILE)
    check_scores(scores, arguments.runs / "eval")
    corpus = Path(scores.dataset)
    report = read_corpus_report(corpus)
    public = public_scores(scores, report.name)
    metrics = {
        system: public_metrics(read_run_metrics(arguments.runs / f"{arguments.base}-{system}"), report.name)
        for system in TRAINED
    }
    good, wrong = (
        read_example(arguments.runs / "eval", scores, option, getattr(arguments, option[2:].replace("-", "_")))
        for option in ("--good-example", "--wrong-example")
    )
    recorded = _recorded_run(arguments.out, public, metrics)
    splits = report.configs[report.test_teachers[0]]
    run = RecordedRun(
        date=scores.date,
        commit=arguments.commit or (recorded.commit if recorded else describe_commit()),
        command=arguments.command,
        machine=arguments.machine or (recorded.machine if recorded else describe_machine()),
        teacher=report.train_teacher,
        train_papers=splits["train"].papers,
        train_pairs=splits["train"].pairs,
        test_papers=splits["test"].papers,
        test_pairs=_test_pairs(report),
        good_example=good,
        wrong_example=wrong,
    )
    write_format(arguments.out / SCORES_NAME, public)
    for system, measured in metrics.items():
        write_format(arguments.out / metrics_name(system), measured)
    write_format(arguments.out / RUN_NAME, run)


def check_scores(scores: Scores, evaluation: Path) -> None:
    """Raise `InputError` if the scores lack a system or a config that the pages show."""
    for name in (BASELINE, *TRAINED):
        missing = set(CONFIGS) - (scores.systems[name].configs.keys() if name in scores.systems else set())
        if missing:
            raise InputError(
                f"{evaluation / SCORES_FILE}: has no scores of {name!r} on {', '.join(sorted(missing))}, which the "
                "pages show; run `make reproduce`"
            )


def public_scores(scores: Scores, corpus: str) -> Scores:
    """Return the scores with the name of the corpus in place of its folder, and without the folders of models."""
    systems = {name: system.model_copy(update={"model": None}) for name, system in scores.systems.items()}
    return scores.model_copy(update={"dataset": corpus, "systems": systems})


def public_metrics(metrics: RunMetrics, corpus: str) -> RunMetrics:
    """Return the metrics with the names of corpus and base model in place of their folders."""
    base = metrics.base_model or Path(metrics.base_model_path).name
    return metrics.model_copy(update={"base_model_path": base, "dataset": corpus})


def read_example(evaluation: Path, scores: Scores, option: str, choice: tuple[str, str, str]) -> Example:
    """Return a test question with every system's answer.

    `choice` is the config, the paper, and the number of the question among those that were asked about the paper, from
    1 on. Raises `InputError`, which names `option`, for a question that was not asked.
    """
    config, paper_id, number = choice
    answers: dict[str, ExampleAnswer] = {}
    question = ""
    for system in scores.systems:
        rows = _predictions(predictions_path(evaluation / "predictions", config, system), paper_id)
        if not number.isdecimal() or not 1 <= int(number) <= len(rows):
            raise InputError(
                f"{option} {config} {paper_id} {number}: the evaluation asked {len(rows)} questions about this paper; "
                f"choose a question from {evaluation / 'report.html'}"
            )
        row = rows[int(number) - 1]
        question = row["question"]
        answers[system] = ExampleAnswer(text=row["prediction"] or "", similarity=round(row[HEADLINE] or 0.0, 3))
    corpus = Path(scores.dataset)
    files = find_split_files(corpus, [config], read_corpus_report(corpus).train_teacher)
    found = next(
        row for row in iterate_rows(files[config, "test"]) if (row.paper_id, row.question) == (paper_id, question)
    )
    return Example(
        config=config,
        paper_id=paper_id,
        question=question,
        title=found.title,
        year=found.year,
        reference=found.answer,
        answers=answers,
    )


def _predictions(path: Path, paper_id: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    if not path.is_file():
        return []
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return [row for row in rows if row["paper_id"] == paper_id]


def _recorded_run(folder: Path, scores: Scores, metrics: dict[str, RunMetrics]) -> RecordedRun | None:
    """Return the record of an earlier command if it recorded the same run: its commit and machine are right."""
    with suppress(InputError):
        recorded = Results(folder)
        if (recorded.scores, recorded.metrics) == (scores, metrics):
            return recorded.run
    return None


def _test_pairs(report: CorpusReport) -> dict[str, int]:
    return {config: splits["test"].pairs for config, splits in report.configs.items()}


if __name__ == "__main__":
    with exit_on_input_error():
        main()
