"""Run a stage of training as `python -m training STAGE` or as the module `training.STAGE`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from dataset_builder.errors import exit_on_input_error
from dataset_builder.output import add_verbose_option, configure_output

EXIT_CODES = "exit codes: 0 done, 1 training stopped (the message says why), 2 bad input, 130 interrupted"


@dataclass(frozen=True)
class Stage:
    """One command: its name, what it does, an example, its arguments, and the function that runs it.

    If it takes `recipe_keys`, the words that its parser does not know become the argument `recipe_keys`.
    """

    name: str
    summary: str
    example: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
    takes_recipe_keys: bool = True


def run_module(stage: Stage, words: list[str]) -> None:
    """Run `python -m training.STAGE WORDS`."""
    parser = argparse.ArgumentParser(
        prog=f"python -m training.{stage.name}",
        description=stage.summary,
        epilog=_epilog(stage),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_arguments(parser, stage)
    _run(parser, words)


def run_package(stages: list[Stage], words: list[str]) -> None:
    """Run `python -m training WORDS`."""
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train models on the corpus.",
        epilog=f"example:\n  {stages[0].example}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"isca-qa {_version()}")
    subparsers = parser.add_subparsers(required=True, metavar="STAGE")
    for stage in stages:
        subparser = subparsers.add_parser(
            stage.name,
            help=stage.summary,
            description=stage.summary,
            epilog=_epilog(stage),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        _add_arguments(subparser, stage)
    _run(parser, words)


def _add_arguments(parser: argparse.ArgumentParser, stage: Stage) -> None:
    stage.add_arguments(parser)
    add_verbose_option(parser)
    parser.set_defaults(stage=stage)


def _run(parser: argparse.ArgumentParser, words: list[str]) -> None:
    arguments, others = parser.parse_known_args(words)
    stage: Stage = arguments.stage
    if stage.takes_recipe_keys:
        arguments.recipe_keys = others
    elif others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    configure_output(arguments.verbose)
    with exit_on_input_error():
        stage.run(arguments)


def _epilog(stage: Stage) -> str:
    return f"example:\n  {stage.example}"


def _version() -> str:
    try:
        return version("isca-qa")
    except PackageNotFoundError:
        return "(not installed)"
