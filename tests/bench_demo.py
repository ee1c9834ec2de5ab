"""Measure how long the models of the demo take to answer (`make bench-demo`).

`python -m tests.bench_demo --models NAME=MODEL ... --dataset DIR`. The models are loaded as `eval demo` loads them.
They are asked some test questions, one after the other. The command prints, over these questions, the median and the
longest time until the first words of the first model, and until all models have answered.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import median

from dataset_builder.corpus.load import load_corpus_split
from dataset_builder.corpus.questions import CorpusQuestion, read_questions
from dataset_builder.models.packaged import default_encoder
from eval.asking.answerer import AskedQuestion
from eval.demo.models import DemoModels
from eval.demo.serve import find_systems, load_models
from eval.question_sample import sample_questions


def main() -> None:
    """Ask the questions, and print the times."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_demo", description=__doc__)
    command.add_argument("--models", required=True, nargs="+", metavar="NAME=MODEL")
    command.add_argument("--dataset", required=True)
    command.add_argument("--encoder", default=default_encoder())
    command.add_argument("--verifier")
    command.add_argument("--questions", type=int, default=20, help="test questions to ask; default: 20")
    arguments = command.parse_args()
    questions = sample_questions(
        read_questions(load_corpus_split(arguments.dataset, None, "test")), arguments.questions
    )
    models = load_models(find_systems(arguments.models), arguments.encoder, arguments.verifier)
    times = [measure(models, question) for question in questions]
    write = sys.stdout.write
    write(f"{len(arguments.models)} models, {len(times)} questions, in seconds: median (longest)\n")
    for name, values in zip(("first words", "all answers"), zip(*times, strict=True), strict=True):
        write(f"{name}: {median(values):.2f} ({max(values):.2f})\n")


def measure(models: DemoModels, question: CorpusQuestion) -> tuple[float, float]:
    """Return the seconds until the first words of the first model, and until all models have answered."""
    begun = time.perf_counter()
    first: float | None = None
    for answers in models.answer(AskedQuestion(question.question, question.context), question.answer):
        if first is None and answers[0].text:
            first = time.perf_counter() - begun
    finished = time.perf_counter() - begun
    return (finished if first is None else first), finished


if __name__ == "__main__":
    main()
