"""Record a finished `make run` on the sample in results/, from which README.md takes its figures.

python -m docs.record_run --runs runs --commit 0a7d330 --machine "2 cores of an Intel Xeon, 24 GiB, no GPU"
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dataset_builder.corpus.papers import read_papers
from dataset_builder.errors import exit_on_input_error
from dataset_builder.formats import write_format
from docs.results import RESULTS, SAMPLE_RUN, SAMPLE_SCORES, Example, ExampleAnswer, SampleRun
from eval.analysis.scores import SCORES_FILE, Scores, read_scores
from eval.run_metrics import read_run_metrics

SAMPLE_PAPERS = Path("dataset_builder/sample/papers")
GOOD_QUESTION = ("detailed", "What are GreenSKUs, and from which components are they built?")
WRONG_QUESTION = ("plain", "How much better is TPU v4 than TPU v3?")
HEADLINE = "cosine_similarity"


def main() -> None:
    """Copy scores, training metrics and two examples of a run to results/."""
    command = argparse.ArgumentParser(prog="python -m docs.record_run", description=__doc__)
    command.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of `make run`")
    command.add_argument("--commit", required=True, help="commit of the code that ran")
    command.add_argument("--machine", required=True, help="the machine, in words")
    arguments = command.parse_args()
    evaluation = arguments.runs / "eval"
    scores = read_scores(evaluation / SCORES_FILE)
    write_format(SAMPLE_SCORES, without_details(scores))
    for system in ("full", "lora"):
        write_format(RESULTS / f"sample_{system}.json", read_run_metrics(arguments.runs / f"smollm2-{system}"))
    run = SampleRun(
        date=scores.date,
        commit=arguments.commit,
        command="make run",
        machine=arguments.machine,
        good_example=read_example(evaluation, scores, *GOOD_QUESTION),
        wrong_example=read_example(evaluation, scores, *WRONG_QUESTION),
    )
    write_format(SAMPLE_RUN, run)


def without_details(scores: Scores) -> Scores:
    """Return the scores without their parts by kind of question and by length, which no page shows."""
    content = scores.model_dump()
    for entry in (*content["systems"].values(), *content["heuristics"].values()):
        for config in entry["configs"].values():
            for metric in config["metrics"].values():
                metric.update(by_kind={}, by_length={})
    return Scores.model_validate(content)


def read_example(evaluation: Path, scores: Scores, config: str, question: str) -> Example:
    """Return a test question with every system's answer, from the evaluation's predictions."""
    answers: dict[str, ExampleAnswer] = {}
    row: dict[str, Any] = {}
    for system in scores.systems:
        row = _prediction(evaluation / "predictions" / f"{config}.{system}.parquet", question)
        answers[system] = ExampleAnswer(text=row["prediction"], similarity=round(row[HEADLINE], 3))
    paper = next(paper for paper in read_papers(SAMPLE_PAPERS) if paper.paper_id == row["paper_id"])
    return Example(
        config=config,
        question=question,
        title=paper.title,
        year=paper.year,
        reference=row["reference"],
        answers=answers,
    )


def _prediction(path: Path, question: str) -> dict[str, Any]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return next(row for row in rows if row["question"] == question)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
