"""Write the cards of trained models, and publish the models on the Hub."""

import argparse

from dataset_builder.errors import exit_on_input_error
from dataset_builder.output import EXIT_CODES, add_version_option
from model_cards import publish, render

STAGES = (
    (
        "render",
        render,
        "write the cards of trained models into their folders",
        "--dataset data/corpus --scores runs/eval/scores.json",
    ),
    (
        "publish",
        publish,
        "publish a trained model on the Hub",
        "--run runs/smollm2-lora --scores runs/eval/scores.json \\\n"
        "    --dataset-id ORG/isca-qa --repo-id ORG/smollm2-isca-qa-lora --dry-run",
    ),
)


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    command = argparse.ArgumentParser(
        prog="python -m model_cards",
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_version_option(command)
    stages = command.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for name, stage, purpose, example in STAGES:
        subparser = stages.add_parser(
            name,
            help=purpose,
            description=f"{purpose[0].upper()}{purpose[1:]}.",
            epilog=f"example:\n  python -m model_cards {name} {example}",
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
