"""`make bench-generate`: papers a second of the packaged teacher by this project and by other libraries.

`python -m tests.bench_generate [--papers N] [--systems NAME ...]`. All get the same papers, prompt, sampling and token
budget. Each runs in a process of its own and loads the model in the measured time. `generate, one prompt` is
transformers' own sampling, one paper after the other. `this project, by generate's loop` draws the same tokens as
`this project`, but transformers' `generate` calls the model. The other libraries do not follow the grammar and are
asked once. A response is valid if it parses.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dataset_builder.generate.schema import can_parse
from dataset_builder.teachers.teacher import read_teacher
from tests.answer_systems import CONVERT, CONVERTED_LIBRARY
from tests.bench_answers import NOT_INSTALLED
from tests.generate_systems import ALONE, CONVERTED, PROJECT, SYSTEMS, TEACHER, GenerateRun
from tests.measured_command import Measured, run_measured

HEADER = (
    "| system | papers/s | tokens/s | CPU s a paper | valid | longest | peak memory | same responses |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
)


def main() -> None:
    """Let each system respond, and print the table and the ratio of the project's speed to the first system's."""
    command = argparse.ArgumentParser(prog="python -m tests.bench_generate", description=__doc__, allow_abbrev=False)
    command.add_argument("--papers", type=int, default=16, metavar="N", help="default: %(default)s")
    command.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=[ALONE, PROJECT], metavar="NAME")
    arguments = command.parse_args()
    names = [name for name in SYSTEMS if name in (PROJECT, *arguments.systems)]
    write = sys.stdout.write
    runs: dict[str, GenerateRun] = {}
    measured: dict[str, Measured] = {}
    with TemporaryDirectory() as folder:
        converted, out = Path(folder) / "converted", Path(folder) / "run.json"
        words = ("--papers", arguments.papers, "--converted", converted, "--out", out)
        if CONVERTED in names:
            if importlib.util.find_spec(CONVERTED_LIBRARY) is None:
                raise SystemExit(f"{CONVERTED}: {NOT_INSTALLED}")
            # In a process of its own: it needs more memory than responding does.
            run_measured("tests.generate_systems", CONVERT, *words)
        for name in names:
            measured[name] = run_measured("tests.generate_systems", name, *words)
            run = runs[name] = GenerateRun(**json.loads(out.read_text()))
            sys.stderr.write(f"{name}: {run.seconds:.0f} s, {run.cpu_seconds:.0f} CPU s\n")
    write(HEADER)
    for name in names:
        write(table_line(name, runs[name], measured[name], runs[PROJECT]))
    if ALONE in runs:
        write(f"\nratio: {papers_per_second(runs[PROJECT]) / papers_per_second(runs[ALONE]):.1f}\n")


def papers_per_second(run: GenerateRun) -> float:
    """Return the papers a second, with the loading of the model."""
    return len(run.texts) / run.seconds


def table_line(name: str, run: GenerateRun, measured: Measured, project: GenerateRun) -> str:
    """Return the line of a system, whose responses are compared with the project's."""
    limits = read_teacher(TEACHER).limits
    count = len(run.texts)
    same = sum(text == own for text, own in zip(run.texts, project.texts, strict=True))
    cells = [
        name,
        f"{papers_per_second(run):.3f}",
        f"{run.total_tokens / run.seconds:.1f}",
        f"{run.cpu_seconds / count:.1f}",
        f"{sum(can_parse(text, limits) for text in run.texts)} of {count}",
        f"{max(run.tokens)}",
        f"{measured.peak_memory / 2**30:.1f} GiB",
        f"{same} of {count}",
    ]
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main()
