"""Compare the project's decoding with other libraries on the same test questions (`make bench-answers`).

`python -m tests.bench_answers --model DIR --dataset DIR --configs plain detailed [--papers N] [--rounds N]`. Each
system answers in a process of its own: plain `model.generate` on one prompt (as the code on a model card does), the
project's shared abstracts, padded `generate`, transformers' continuous batching, and CTranslate2. The output is a
Markdown table. With other programs beside it, read the CPU seconds in place of the answers per second.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from dataset_builder.models.packaged import default_encoder
from tests.answer_systems import (
    CONVERT,
    CONVERTED_LIBRARY,
    PROJECT,
    REFERENCE,
    SYSTEMS,
    SystemRun,
    add_arguments,
    choose_questions,
)
from tests.measured_command import run_measured

HEADER = (
    "| system | answers/s | CPU s an answer | speed by CPU s | peak memory | same answers | similarity |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
)
NOT_INSTALLED = "not installed: `pip install --constraint constraints.txt --editable '.[bench]'`"


@dataclass(frozen=True)
class MeasuredRun:
    """A run of a system, and the peak memory of its process, in bytes."""

    run: SystemRun
    peak_memory: int


def main() -> None:
    """Let each system answer in turn, `--rounds` times, and print the table."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_answers", description=__doc__)
    add_arguments(command)
    command.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    command.add_argument("--rounds", type=int, default=1, help="times that each system answers; default: 1")
    command.add_argument("--encoder", default=default_encoder())
    arguments = command.parse_args()
    # Both are in every table: the others are compared with them.
    names = [name for name in SYSTEMS if name in (REFERENCE, PROJECT, *arguments.systems)]
    asked: list[object] = ["--model", arguments.model, "--dataset", arguments.dataset]
    asked += ["--configs", *arguments.configs, "--prompt", arguments.prompt]
    if arguments.papers:
        asked += ["--papers", arguments.papers]
    with TemporaryDirectory() as folder:
        runs = measure(names, arguments.rounds, asked, Path(folder))

    questions = choose_questions(arguments.dataset, arguments.configs, arguments.papers)
    references = [question.answer for question in questions]
    answers = {name: done[0].run.answers for name, done in runs.items()}
    similarities = mean_similarities(arguments.encoder, answers, references)
    papers = len({question.paper_id for question in questions})
    write = sys.stdout.write
    write(f"{len(questions)} questions on {papers} papers, prompt {arguments.prompt}, rounds: {arguments.rounds}\n\n")
    write(HEADER)
    for name in names:
        write(table_line(name, runs, similarities) if name in runs else f"| {name} | {NOT_INSTALLED} |\n")


def measure(names: Sequence[str], rounds: int, asked: Sequence[object], folder: Path) -> dict[str, list[MeasuredRun]]:
    """Return the runs of the systems whose library is installed; `asked` are the arguments of each process."""
    converted, out = folder / "converted", folder / "run.json"
    installed = [name for name in names if is_installed(name)]
    arguments = [*asked, "--converted", converted, "--out", out]
    if any(needs_conversion(name) for name in installed):
        # In a process of its own: it needs more memory than answering does.
        run_measured("tests.answer_systems", CONVERT, *arguments)
    runs: dict[str, list[MeasuredRun]] = {name: [] for name in installed}
    for number in range(rounds):
        for name in installed:
            measured = run_measured("tests.answer_systems", name, *arguments)
            run = SystemRun(**json.loads(out.read_text()))
            runs[name].append(MeasuredRun(run, measured.peak_memory))
            sys.stderr.write(f"round {number + 1}, {name}: {run.seconds:.1f} s, {run.cpu_seconds:.1f} CPU s\n")
    return runs


def needs_conversion(name: str) -> bool:
    """Return whether the system reads the converted model."""
    return name.startswith("CTranslate2")


def is_installed(name: str) -> bool:
    """Return whether the library of the system is installed."""
    return not needs_conversion(name) or importlib.util.find_spec(CONVERTED_LIBRARY) is not None


def mean_similarities(given: str, answers: Mapping[str, list[str]], references: list[str]) -> dict[str, float]:
    """Return for each system the mean cosine similarity of its answers to the reference answers, by one encoder."""
    from dataset_builder.models.folders import find_encoder
    from eval.metrics.embedding import Encoder

    encoder = Encoder(find_encoder("--encoder", given))
    return {name: float(encoder.similarities(own, references).mean()) for name, own in answers.items()}


def table_line(name: str, runs: Mapping[str, Sequence[MeasuredRun]], similarities: Mapping[str, float]) -> str:
    """Return the line of a system: medians over its rounds, and the largest memory."""
    own, plain = runs[name], runs[REFERENCE][0].run.answers
    count = len(plain)
    same = sum(answer == other for answer, other in zip(own[0].run.answers, plain, strict=True))
    cells = [
        name,
        f"{median(count / done.run.seconds for done in own):.2f}",
        f"{cpu_seconds(own):.2f}",
        f"{cpu_seconds(runs[PROJECT]) / cpu_seconds(own):.2f}",
        f"{max(done.peak_memory for done in own) / 2**30:.1f} GiB",
        f"{same} of {count}",
        f"{similarities[name]:.3f} ({similarities[name] - similarities[REFERENCE]:+.3f})",
    ]
    return f"| {' | '.join(cells)} |\n"


def cpu_seconds(runs: Sequence[MeasuredRun]) -> float:
    """Return the median over the runs of the processor seconds an answer."""
    return median(done.run.cpu_seconds / len(done.run.answers) for done in runs)


if __name__ == "__main__":
    main()
