"""Evaluate models on the corpus, ask them questions, and publish the similarity metric."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from dataset_builder.errors import exit_on_input_error
from eval import ask, push_metric, run

EXIT_CODES = "exit codes:\n  0  done\n  2  bad input\n  3  done, but something is missing (see the output)"
STAGES = (
    ("run", run, "answer the test questions, score the answers, write a report", run.EXAMPLE),
    ("answer", ask, "answer questions about one abstract, or about a folder of abstracts", ask.EXAMPLE),
    ("push-metric", push_metric, "publish the similarity metric as a Space on the Hub", push_metric.EXAMPLE),
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m eval`."""
    command = argparse.ArgumentParser(
        prog="python -m eval",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("--version", action="version", version=f"isca-qa {version('isca-qa')}")
    stages = command.add_subparsers(required=True, metavar="STAGE")
    for name, module, summary, example in STAGES:
        stage = stages.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(stage)
        stage.set_defaults(run_command=module.run_command)
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    arguments.run_command(arguments)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
