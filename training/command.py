"""Parse and run a stage of training: `python -m training STAGE ...`, or `python -m training.STAGE ...`."""

import argparse
from types import ModuleType
from typing import Any

from dataset_builder.errors import exit_on_input_error
from dataset_builder.output import add_verbose_option, add_version_option, configure_output

EXIT_CODES = "exit codes: 0 done, 1 training stopped (the message says why), 2 bad input, 130 interrupted"


def stage_parser(stage: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of `python -m training.STAGE`.

    The description is the first paragraph of the stage's docstring, the example the first line of the second.
    """
    name = stage.__spec__.name if stage.__spec__ else stage.__name__
    return _add_arguments(argparse.ArgumentParser(prog=f"python -m {name}", **_texts(stage)), stage)


def package_parser(stages: list[ModuleType]) -> argparse.ArgumentParser:
    """Return the parser of `python -m training`."""
    texts = {**_texts(stages[0]), "description": "Train models on the corpus."}
    texts["epilog"] += f"\n\n{EXIT_CODES}"
    parser = argparse.ArgumentParser(prog="python -m training", **texts)
    add_version_option(parser)
    subparsers = parser.add_subparsers(required=True, metavar="STAGE")
    for stage in stages:
        texts = _texts(stage)
        name = stage.__name__.rpartition(".")[2]
        _add_arguments(subparsers.add_parser(name, help=texts["description"], **texts), stage)
    return parser


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


def _texts(stage: ModuleType) -> dict[str, Any]:
    description, example, *_ = (stage.__doc__ or "").split("\n\n")
    return {
        "description": description,
        "epilog": f"example:\n  {example.splitlines()[0].strip()}",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }


def _add_arguments(parser: argparse.ArgumentParser, stage: ModuleType) -> argparse.ArgumentParser:
    stage.add_arguments(parser)
    add_verbose_option(parser)
    parser.set_defaults(run_command=stage.run_command)
    return parser
