"""A recipe: one YAML file with every setting of a run, any key of which the command line may override."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from dataset_builder.errors import InputError

if TYPE_CHECKING:
    from trl import GRPOConfig, ModelConfig, SFTConfig


@dataclass
class CorpusArguments:
    """The keys of every recipe that are the project's own. The others are TRL's."""

    dataset: str = field(default="", metadata={"help": "corpus to train on, folder or Hub id"})
    encoder: str = field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        metadata={"help": "sentence encoder by which answers are compared, folder or Hub id"},
    )
    license: str | None = field(default=None, metadata={"help": "licence of the trained model, for its card"})


@dataclass
class AnswerArguments(CorpusArguments):
    """The project's own keys of a recipe of `training.align`."""

    validation_questions: int = field(
        default=64,
        metadata={
            "help": "validation questions, a fixed random sample, that are answered before the first step and at the "
            "end (training.sft: of each epoch, and the epoch of the nearest answers is kept). 0: none, and the last "
            "epoch is kept"
        },
    )


@dataclass
class RowArguments(AnswerArguments):
    """The project's own keys of a recipe of `training.sft`."""

    rows: Literal["paper", "pair"] = field(
        default="paper",
        metadata={"help": "what a row is, and so what the batch size counts: a paper with all its pairs, or a pair"},
    )


@dataclass
class Recipe:
    """A parsed recipe. `values` holds what the file and the command line set, and nothing that is a default."""

    corpus: CorpusArguments
    training: SFTConfig | GRPOConfig
    model: ModelConfig
    values: dict[str, Any]

    @property
    def method(self) -> str:
        """Return "lora" for a run that trains an adapter, else "full"."""
        return "lora" if self.model.use_peft else "full"


def parse_recipe(
    arguments: list[str],
    defaults: dict[str, Any],
    own: type[CorpusArguments] = RowArguments,
    trainer: type[SFTConfig | GRPOConfig] | None = None,
) -> Recipe:
    """Parse `--config FILE` and the overrides that follow; `defaults` hold for keys that neither sets.

    The keys are those of `own`, of `trainer` (None: TRL's `SFTConfig`) and of TRL's `ModelConfig`.

    Raises `InputError` for a key that no setting has, with the nearest one, and for a value that TRL refuses.
    """
    from trl import ModelConfig, SFTConfig, TrlParser

    parser = TrlParser((own, trainer or SFTConfig, ModelConfig), allow_abbrev=False)
    path, in_file = _read_file(arguments)
    on_line = [word[2:].split("=")[0] for word in arguments if word.startswith("--")]
    known = {option[2:] for action in parser._actions for option in action.option_strings}
    for key in [*in_file, *on_line]:
        if key not in known and key not in ("config", "env"):
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise InputError(f"{key!r}: no recipe has such a key{hint}")

    parser.set_defaults_with_config(**defaults)
    try:
        corpus, training, model = parser.parse_args_and_config(arguments)
    except ValueError as error:
        raise InputError(f"{path or 'command line'}: {error}") from error
    for key, value in (("dataset", corpus.dataset), ("model_name_or_path", model.model_name_or_path)):
        if not value:
            raise InputError(f"{path or 'command line'}: {key!r} is not set; name it in the recipe or pass --{key}")
    holders = (corpus, training, model)
    set_keys = {key.replace("-", "_") for key in [*in_file, *on_line] if key not in ("config", "env", "help")}
    # `--no_gradient_checkpointing` sets gradient_checkpointing; no key of its own begins so.
    set_keys = {key.removeprefix("no_") for key in set_keys}
    values = {
        key: next(getattr(holder, key) for holder in holders if hasattr(holder, key)) for key in sorted(set_keys)
    }
    values = {key: value.value if isinstance(value, Enum) else value for key, value in values.items()}
    return Recipe(corpus=corpus, training=training, model=model, values=values)


def _read_file(arguments: list[str]) -> tuple[Path | None, dict[str, Any]]:
    if "--config" not in arguments:
        return None, {}
    position = arguments.index("--config") + 1
    if position == len(arguments):
        raise InputError("--config: names no file; give a recipe, for example training/recipes/smollm2-lora.yaml")
    path = Path(arguments[position])
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"--config {path}: cannot be read as YAML ({error}); give a file of training/recipes"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"--config {path}: holds no mapping of keys to values; see the files of training/recipes")
    return path, content
