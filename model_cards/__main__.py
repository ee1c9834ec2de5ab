"""Write the cards of trained models, and publish the models on the Hub."""

from __future__ import annotations

import argparse
from importlib.metadata import version

from dataset_builder.errors import exit_on_input_error
from dataset_builder.output import add_verbose_option, configure_output
from model_cards import publish, render

EXIT_CODES = "exit codes: 0 done, 2 bad input, 3 done but something is missing (see the output)"
RENDER_EXAMPLE = """example:
  python -m model_cards render --dataset data/corpus --scores runs/eval/scores.json"""
PUBLISH_EXAMPLE = """example:
  python -m model_cards publish --run runs/smollm2-lora --scores runs/eval/scores.json \\
      --repo-id ORG/smollm2-isca-qa-lora --dataset-id ORG/isca-qa --dry-run"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m model_cards",
        description=__doc__,
        epilog=f"{RENDER_EXAMPLE}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("--version", action="version", version=version("isca-qa"))
    stages = command.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for name, stage, example in (("render", render, RENDER_EXAMPLE), ("publish", publish, PUBLISH_EXAMPLE)):
        arguments = stages.add_parser(
            name,
            help=stage.HELP,
            description=stage.__doc__,
            epilog=example,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        stage.add_arguments(arguments)
        add_verbose_option(arguments)
        arguments.set_defaults(run_command=stage.run_command)
    return command


def main() -> None:
    """Run the stage that the command line names."""
    arguments = parser().parse_args()
    configure_output(arguments.verbose)
    arguments.run_command(arguments)


if __name__ == "__main__":
    with exit_on_input_error():
        main()
