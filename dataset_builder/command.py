"""Parse and run the command `python -m PACKAGE STAGE ...` or `python -m PACKAGE.STAGE ...`, and set what it prints.

A stage is a module with `add_arguments` and `run_command`. The first paragraph of its docstring is the description in
its `--help`, and the second one is the example.
"""

import argparse
import logging
import math
import os
import re
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from textwrap import dedent, indent
from types import ModuleType
from typing import Any

from dataset_builder.errors import exit_on_input_error

EXIT_CODES = """exit codes:
  0  done
  2  bad input: see the message
  3  done, but something is missing: see the output
  130  interrupted: the same command continues"""
PROJECT_LOGGERS = ("dataset_builder", "eval", "training", "model_cards")


def package_parser(
    package: str, description: str | None, stages: dict[str, ModuleType], exit_codes: str = EXIT_CODES
) -> argparse.ArgumentParser:
    """Return the parser of `python -m PACKAGE`, which has a command for each of `stages`, by name."""
    try:
        number = version("isca-qa")
    except PackageNotFoundError:
        number = "(not installed)"
    parser = argparse.ArgumentParser(prog=f"python -m {package}", **_layout(description, exit_codes))
    parser.add_argument("--version", action="version", version=f"isca-qa {number}")
    subparsers = parser.add_subparsers(required=True, metavar="STAGE")
    for name, stage in stages.items():
        layout = _stage_layout(stage)
        _add_arguments(subparsers.add_parser(name, help=layout["description"], **layout), stage)
    return parser


def stage_parser(stage: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of `python -m PACKAGE.STAGE`."""
    name = stage.__spec__.name if stage.__spec__ else stage.__name__
    parser = argparse.ArgumentParser(prog=f"python -m {name}", **_stage_layout(stage))
    _add_arguments(parser, stage)
    return parser


def run_stage(parser: argparse.ArgumentParser) -> None:
    """Run the command line. Unknown words are recipe keys if the stage has a default for `recipe_keys`."""
    arguments, others = parser.parse_known_args()
    if "recipe_keys" in arguments:
        arguments.recipe_keys = others
    elif others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    _configure_output(arguments.verbose)
    with exit_on_input_error():
        arguments.run_command(arguments)


def parse_years(text: str) -> list[int]:
    """Return the years of one span, such as 2005-2024, or of one year; the type of an argparse argument."""
    span = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", text)
    if span is None or int(span[1]) > int(span[2] or span[1]):
        raise argparse.ArgumentTypeError(f"{text!r}: must be a year or a span of years, such as 2019 or 2005-2024")
    return list(range(int(span[1]), int(span[2] or span[1]) + 1))


def whole_number(least: int) -> Callable[[str], int]:
    """Return the type of an argparse argument that is a whole number, `least` or more."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d+", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}: must be a whole number, {least} or more")
        return int(text)

    return parse


def number_between(least: float, most: float) -> Callable[[str], float]:
    """Return the type of an argparse argument that is a number from `least` to `most`."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r}: must be a number from {least:g} to {most:g}")
        return number

    return parse


def _stage_layout(stage: ModuleType) -> dict[str, Any]:
    description, example, *_ = (stage.__doc__ or "").split("\n\n")
    return _layout(description, f"example:\n{indent(dedent(example), '  ')}")


def _layout(description: str | None, epilog: str) -> dict[str, Any]:
    texts = {"description": description, "epilog": epilog}
    return texts | {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}


def _add_arguments(parser: argparse.ArgumentParser, stage: ModuleType) -> None:
    stage.add_arguments(parser)
    parser.add_argument("--verbose", action="store_true", help="also show what the libraries print")
    parser.set_defaults(run_command=stage.run_command)


def _configure_output(verbose: bool) -> None:
    """Set log levels, and without `verbose` silence the libraries' progress bars and warnings.

    Call it before the libraries are imported: they read these variables at import. What stays silent is information
    for developers of the libraries; errors are raised and shown in any case.
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(message)s")
    for name in PROJECT_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    if verbose:
        return
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
