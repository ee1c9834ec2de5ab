"""Parse a recipe: one YAML file with the settings of a training run, each of which the command line may override."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import yaml

from dataset_builder.errors import InputError
from dataset_builder.models.packaged import DEFAULT_ENCODER
from eval.run_metrics import TEMPERATURE

if TYPE_CHECKING:
    from transformers import TrainingArguments
    from trl.trainer.model_config import ModelConfig

# transformers 5.17 knows this setting by its older name only; newer versions warn about the older name.
OLDER_NAMES = {"activation_checkpointing": "gradient_checkpointing"}

MOST_USED = """--model_name_or_path: base model, folder or Hub id (training.dpo: the run folder of an adapter)
--output_dir: folder of the run
--num_train_epochs, --max_steps, --learning_rate, --seed
--per_device_train_batch_size, --gradient_accumulation_steps: their product is the size of a step
--use_peft, --lora_r, --lora_alpha, --lora_dropout, --lora_target_modules: train a LoRA adapter
--dtype: type of the loaded weights, for example bfloat16; --bf16 true computes in bfloat16
--save_steps, --logging_steps: a number of steps, or below 1 a share of the run"""


@dataclass
class ProjectKeys:
    """The recipe keys of this project that every stage has. The other keys of a recipe are TRL's."""

    dataset: str = field(default="", metadata={"help": "corpus to train on, folder or Hub id"})
    dataset_revision: str | None = field(
        default=None, metadata={"help": "commit, tag or branch of a corpus on the Hub, in place of the newest commit"}
    )
    encoder: str = field(
        default=DEFAULT_ENCODER,
        metadata={"help": "sentence encoder that compares answers, folder or Hub id"},
    )
    license: str | None = field(default=None, metadata={"help": "licence of the trained model, for its card"})
    validation_questions: int = field(
        default=64,
        metadata={
            "help": "validation questions to answer before training and at its end (training.sft: after each "
            "epoch, to keep the epoch with the most similar answers); with 0, training.sft keeps the last epoch, and "
            "its validation loss is over all validation questions"
        },
    )


@dataclass
class SFTKeys(ProjectKeys):
    """The recipe keys of this project in a recipe of `training.sft`."""

    rows: Literal["paper", "pair"] = field(
        default="paper",
        metadata={"help": "what one row of a batch is: one paper with all its pairs (paper), or one pair (pair)"},
    )


@dataclass
class DPOKeys(ProjectKeys):
    """The recipe keys of this project in a recipe of `training.dpo`."""

    samples: int = field(default=4, metadata={"help": "answers to sample for each training question"})
    temperature: float = field(default=TEMPERATURE, metadata={"help": "sampling temperature"})


Keys = TypeVar("Keys", bound=ProjectKeys)
Config = TypeVar("Config", bound="TrainingArguments")


@dataclass(frozen=True)
class Recipe(Generic[Keys, Config]):
    """A parsed recipe. `values` has the keys that the file or the command line sets, without any defaults."""

    keys: Keys
    training: Config
    model: ModelConfig
    values: dict[str, Any]

    @property
    def base_model(self) -> str:
        """Return the folder or Hub id of the model, or of the adapter, that training starts from."""
        return self.model.model_name_or_path or ""

    @property
    def output_dir(self) -> Path:
        """Return the folder of the run."""
        return Path(self.training.output_dir or "")


def parse_recipe(
    words: list[str], defaults: dict[str, Any], keys: type[Keys], config: type[Config]
) -> Recipe[Keys, Config]:
    """Parse the command line `--config FILE --KEY VALUE ...`. It overrides the file, and the file the `defaults`.

    A recipe has the keys of `keys`, of TRL's `config` and of TRL's `ModelConfig`.

    Raises `InputError` for an unknown key, with the nearest known one, and for a value that TRL refuses.
    """
    from trl.scripts.utils import TrlParser
    from trl.trainer.model_config import ModelConfig

    groups: tuple[Any, ...] = (keys, config, ModelConfig)
    known = {item.name for group in groups for item in fields(group)}
    command = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    command.add_argument("--config", type=Path)
    config_file, overrides = command.parse_known_args(words)
    path: Path | None = config_file.config
    content = _read_recipe_file(path) if path else {}
    in_file = {key if key in known else OLDER_NAMES.get(key, key): value for key, value in content.items()}
    # `--no_KEY` sets a switch to false that is on by default; no key begins like that.
    options = [word[2:].split("=")[0].replace("-", "_") for word in overrides if word.startswith("--")]
    set_keys = {*in_file, *(option.removeprefix("no_") for option in options)}
    if unknown := min(set_keys - known, default=None):
        # The keys of this project, the model and the adapter come first: TRL's own are many, and similar by chance.
        first = [item.name for group in (keys, ModelConfig) for item in fields(group)]
        near = difflib.get_close_matches(unknown, first, n=1, cutoff=0.75)
        near = near or difflib.get_close_matches(unknown, known, n=1)
        raise InputError(f"{unknown!r}: unknown recipe key" + (f"; the nearest is {near[0]!r}" if near else ""))

    parser = TrlParser(groups, allow_abbrev=False, add_help=False, usage="--config FILE [--KEY VALUE ...]")
    parser.set_defaults_with_config(**{**defaults, **in_file})
    try:
        own, training, model = parser.parse_args_into_dataclasses(args=overrides)
    except ValueError as error:
        raise InputError(f"{path or 'command line'}: {error}") from error
    parsed = {**vars(model), **vars(training), **vars(own)}
    for key in ("dataset", "model_name_or_path"):
        if not parsed[key]:
            raise InputError(f"{path or 'command line'}: {key!r} is not set; set it in the recipe or pass --{key}")
    values = {key: parsed[key].value if isinstance(parsed[key], Enum) else parsed[key] for key in sorted(set_keys)}
    return Recipe(keys=own, training=training, model=model, values=values)


def add_recipe_arguments(command: argparse.ArgumentParser, keys: type[ProjectKeys]) -> None:
    """Add `--config`, and help on the recipe keys, which `parse_recipe` parses."""
    command.add_argument("--config", metavar="FILE", help="recipe, for example one of training/recipes")
    own = "\n".join(f"--{item.name}: {item.metadata['help']}; default: {item.default}" for item in fields(keys))
    command.add_argument_group(
        "recipe keys",
        f"--KEY VALUE overrides any key of the recipe. The keys of this project are\n\n{own}\n\n"
        f"The most used of TRL's keys are\n\n{MOST_USED}\n\nand the others are in https://huggingface.co/docs/trl",
    )
    command.set_defaults(recipe_keys=[])


def recipe_words(arguments: argparse.Namespace) -> list[str]:
    """Return the command line for `parse_recipe`."""
    return [*(["--config", arguments.config] if arguments.config else []), *arguments.recipe_keys]


def _read_recipe_file(path: Path) -> dict[str, Any]:
    """Return the keys in the file of a recipe; raises `InputError` for a file that is not a recipe."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"recipe {path}: cannot be read as YAML ({error}); give a file such as those in training/recipes"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"recipe {path}: is not a mapping of keys to values; see the files in training/recipes")
    return content
