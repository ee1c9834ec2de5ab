"""Evaluate models on the corpus, ask them questions, and publish the similarity metric."""

import argparse

from dataset_builder.errors import exit_on_input_error
from dataset_builder.output import EXIT_CODES, add_version_option
from eval import ask, push_metric, run

STAGES = (
    ("run", run, "answer the test questions, score the answers, write a report"),
    ("answer", ask, "answer questions about one abstract, or about a folder of abstracts"),
    ("push-metric", push_metric, "publish the similarity metric as a Space on the Hub"),
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
    add_version_option(command)
    stages = command.add_subparsers(required=True, metavar="STAGE")
    for name, stage, purpose in STAGES:
        subparser = stages.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            epilog=f"example:\n  python -m eval {name} {stage.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        stage.add_arguments(subparser)
        subparser.set_defaults(run_command=stage.run_command)
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    arguments.run_command(arguments)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
