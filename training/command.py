"""Parse and run a stage of training, which is both `python -m training STAGE` and `python -m training.STAGE`."""

from __future__ import annotations

import argparse
from types import ModuleType
from typing import Any

from dataset_builder.errors import exit_on_input_error
from dataset_builder.output import add_verbose_option, configure_output


def stage_parser(stage: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of `python -m training.STAGE`."""
    name = stage.__spec__.name if stage.__spec__ else stage.__name__
    parser = argparse.ArgumentParser(prog=f"python -m {name}", **help_texts(stage))
    add_stage_arguments(parser, stage)
    return parser


def help_texts(stage: ModuleType) -> dict[str, Any]:
    """Return the help settings of a parser: the docstring's first paragraph, and the first line of its second."""
    description, example, *_ = (stage.__doc__ or "").split("\n\n")
    return {
        "description": description,
        "epilog": f"example:\n  {example.splitlines()[0].strip()}",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }


def add_stage_arguments(parser: argparse.ArgumentParser, stage: ModuleType) -> None:
    """Add the arguments of a stage, and the function that runs it."""
    stage.add_arguments(parser)
    add_verbose_option(parser)
    parser.set_defaults(run_command=stage.run_command)


def run_stage(parser: argparse.ArgumentParser, words: list[str]) -> None:
    """Run the command line `words`. Unknown words are recipe keys if the stage has a default for `recipe_keys`."""
    arguments, others = parser.parse_known_args(words)
    if "recipe_keys" in arguments:
        arguments.recipe_keys = others
    elif others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    configure_output(arguments.verbose)
    with exit_on_input_error():
        arguments.run_command(arguments)
