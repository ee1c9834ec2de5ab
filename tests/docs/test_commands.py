"""Every command in README.md, CONTRIBUTING.md and docs/ is one that the real parsers accept."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import CURRENT_PAGES, Command, commands

COMMANDS = [command for page in CURRENT_PAGES for command in commands(page)]
# Programs that are not part of the project: their options are not checked.
FOREIGN = {".", "apt-get", "echo", "hf", "mkdir", "vllm", "pre-commit", "trackio"}
# Modules whose own parser takes everything, so the words after the module are not parsed here.
UNPARSED = {"pip", "pytest"}
# What each script of HF Jobs runs.
JOBS = {"jobs/train_model.py": ("training.sft", []), "jobs/evaluate_models.py": ("eval", ["run"])}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_parses(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command names a module, a stage, options and Make variables that exist."""
    monkeypatch.chdir(REPOSITORY)
    program, *words = command.words
    if program.endswith("/python"):
        program = "python"
    if program == "make":
        check_make(words)
    elif program == "python":
        assert words[0] == "-m", command
        check_module(words[1], words[2:])
    elif program == "accelerate":
        check_accelerate(words)
    elif words[:3] == ["jobs", "uv", "run"]:
        check_job(words)
    else:
        assert program in FOREIGN, f"{command}: unknown program; add it to FOREIGN if the text is right"


def test_commands_are_found() -> None:
    """Guard against a pattern that finds nothing: every stage is in the docs."""
    shown = "\n".join(command.text for command in COMMANDS)
    for stage in (
        *("dataset_builder crawl", "dataset_builder generate", "dataset_builder build", "dataset_builder push"),
        *("dataset_builder hydrate", "dataset_builder models", "eval run", "eval answer", "eval demo"),
        *("eval push-metric", "eval push-demo", "training.sft", "training.dpo"),
        *("model_cards render", "model_cards publish", "model_cards release"),
    ):
        assert stage in shown, stage


def test_wrong_commands_are_refused() -> None:
    """Guard against a check that accepts everything."""
    for words in (["build", "--paper", "x"], ["no-such-stage"]):
        with pytest.raises(AssertionError):
            check_module("dataset_builder", words)
    with pytest.raises(AssertionError):
        check_make(["run", "NO_SUCH_VARIABLE=1"])
    with pytest.raises(AssertionError):
        check_module("training.sft", ["--config", "tests/recipes/tiny-lora.yaml", "--such_a_key", "1"])


def check_make(words: list[str]) -> None:
    """Check that every target and variable is in the Makefile."""
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for word in words:
        name, is_variable, _ = word.partition("=")
        pattern = rf"^{name} *[?:]?=" if is_variable else rf"^{name}:"
        assert re.search(pattern, text, re.MULTILINE), f"make {word}: not in the Makefile"


def check_accelerate(words: list[str]) -> None:
    """Check the options of `accelerate launch` by its own parser, then the module that it launches."""
    from accelerate.commands.launch import launch_command_parser

    assert words[0] == "launch"
    parsed = accepted(launch_command_parser().parse_args, words[1:])
    assert parsed.module, words
    if parsed.config_file:
        assert (REPOSITORY / parsed.config_file).is_file()
    check_module(parsed.training_script, parsed.training_script_args)


def check_job(words: list[str]) -> None:
    """Check a command of HF Jobs and the header of its script by a dry run of hf, then the words of the script."""
    command = [sys.executable, "-m", "huggingface_hub.cli.hf", *words[:3], "--dry-run", *words[3:]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "./runs/jobs:/results:rw (from script)" in done.stdout, done
    module, stage = JOBS[words[3]]
    check_module(module, [*stage, *words[4:]])


def check_module(module: str, words: list[str]) -> None:
    """Check the words after `python -m MODULE` by the module's own parser."""
    assert importlib.util.find_spec(module) is not None, f"{module}: no such module"
    if module in UNPARSED:
        return
    if module.startswith(("docs.", "tests.")):
        # Their parsers are in `main`; the docs give them no options that depend on the rest of the project.
        return
    if module in ("dataset_builder", "eval", "model_cards"):
        accepted(importlib.import_module(f"{module}.__main__").parser().parse_args, words)
    elif module == "training" and words and not words[0].startswith("-"):
        check_training_stage(f"training.{words[0]}", words[1:])
    elif module.startswith("training."):
        check_training_stage(module, words)
    else:
        assert words in ([], ["--help"]), f"{module} {words}: no parser is known for it; add one here"


def accepted(parse: Callable[[list[str]], Any], words: list[str]) -> Any:
    """Return what `parse` returns; fail where it exits with an error."""
    try:
        return parse(words)
    except SystemExit as error:
        assert error.code == 0, f"{words}: refused"
        return argparse.Namespace(), []


def check_training_stage(module: str, words: list[str]) -> None:
    """Check the options of a training stage, then that its recipe exists and has the keys that the command sets."""
    from dataset_builder.command import stage_parser
    from dataset_builder.errors import InputError
    from training.recipe import REFUSED_BY_DPO, REFUSED_BY_SFT, DPOKeys, SFTKeys, parse_recipe, recipe_words

    arguments, others = accepted(stage_parser(importlib.import_module(module)).parse_known_args, words)
    if "config" not in arguments or not words:
        assert not others, f"{module}: {others} are unknown"
        return
    from trl import DPOConfig, SFTConfig

    arguments.recipe_keys = others
    is_dpo = module == "training.dpo"
    groups: Any = (DPOKeys, DPOConfig, REFUSED_BY_DPO) if is_dpo else (SFTKeys, SFTConfig, REFUSED_BY_SFT)
    try:
        parse_recipe([str(word) for word in recipe_words(arguments)], *groups)
    except InputError as error:
        raise AssertionError(f"{module} {words}: {error}") from error
