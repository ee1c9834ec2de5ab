"""Parse a recipe: one YAML file with the settings of a training run, each of which the command line may override."""

import argparse
import difflib
import os
import sys
from dataclasses import dataclass, field, fields
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dataset_builder.errors import InputError
from dataset_builder.models.packaged import DEFAULT_ENCODER

if TYPE_CHECKING:
    from trl.trainer.model_config import ModelConfig

# transformers 5.17 knows this setting by its older name only; newer versions warn about the older name.
OLDER_NAMES = {"activation_checkpointing": "gradient_checkpointing"}
OWN_ROWS = "this project makes the rows, their labels and their order itself"
CHOSEN = "the epoch with the most similar answers is kept; pass --validation_questions 0 to keep the last one"
RESUMED = "a run that was stopped would continue in another way"
# Keys that TRL accepts and that would have no effect or do harm here. By key, the reason.
REFUSED = {
    **dict.fromkeys(("load_in_8bit", "load_in_4bit"), "the base model is not quantized in training"),
    **dict.fromkeys(("save_only_model", "ignore_data_skip"), RESUMED),
    **dict.fromkeys(("push_to_hub", "hub_token"), "publish a finished run with `python -m model_cards publish`"),
    "resume_from_checkpoint": "the same command resumes from the last checkpoint of `output_dir`",
    "model_revision": "download that revision, and give its folder as `model_name_or_path`",
    "trust_remote_code": "this project never runs code from the repo of a model",
}
REFUSED_BY_SFT = REFUSED | {
    **dict.fromkeys(("packing", "eval_packing", "padding_free", "completion_only_loss"), OWN_ROWS),
    **dict.fromkeys(("assistant_only_loss", "train_sampling_strategy", "remove_unused_columns"), OWN_ROWS),
    **dict.fromkeys(("eval_strategy", "load_best_model_at_end", "metric_for_best_model"), CHOSEN),
    **dict.fromkeys(("label_smoothing_factor", "loss_type"), "the loss is the cross entropy of the answers"),
}
REFUSED_BY_DPO = REFUSED | dict.fromkeys(
    ("use_peft", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules"),
    "the adapter of `model_name_or_path` is trained further, as it was made",
)


@dataclass
class SFTKeys:
    """The recipe keys of this project. The other keys of a recipe are TRL's."""

    dataset: str = field(default="", metadata={"help": "corpus to train on, folder or Hub id"})
    dataset_revision: str | None = field(
        default=None, metadata={"help": "commit, tag or branch of a corpus on the Hub; default: the newest commit"}
    )
    encoder: str = field(default=DEFAULT_ENCODER, metadata={"help": "sentence encoder that compares answers"})
    license: str | None = field(default=None, metadata={"help": "licence of the trained model, for its card"})
    validation_questions: int = field(
        default=64,
        metadata={"help": "validation questions to answer after each epoch, to keep the best epoch; 0 keeps the last"},
    )


@dataclass
class DPOKeys(SFTKeys):
    """The recipe keys of this project in a recipe of `training.dpo`."""

    preferences: str = field(
        default="",
        metadata={"help": "folder of preferences (*.jsonl); if it has none, the adapter's answers are ranked there"},
    )
    samples: int = field(default=4, metadata={"help": "answers to sample for each training question"})
    temperature: float = field(default=0.8, metadata={"help": "sampling temperature"})


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe: this project's `keys`, TRL's `training` and `model` settings.

    `values` has the keys that the file or the command line sets, without any defaults.
    """

    keys: Any
    training: Any
    model: "ModelConfig"
    values: dict[str, Any]

    @property
    def base_model(self) -> str:
        """Return the folder or Hub id of the model, or of the adapter, that training starts from."""
        return self.model.model_name_or_path or ""

    @property
    def output_dir(self) -> Path:
        """Return the folder of the run."""
        return Path(self.training.output_dir or "")


def parse_recipe(words: list[str], keys: type[SFTKeys], config: type[Any], refused: dict[str, str]) -> Recipe:
    """Parse the command line `--config FILE --KEY VALUE ...`, which overrides the file.

    A recipe has the keys of `keys`, of TRL's `config` and of TRL's `ModelConfig`. Raises `InputError` for an unknown
    key, with the nearest known one, for a `refused` one, and for a value that TRL refuses.
    """
    from trl.scripts.utils import TrlParser
    from trl.trainer.model_config import ModelConfig

    groups: tuple[Any, ...] = (keys, config, ModelConfig)
    path, overrides = _split_words(words)
    known = {item.name for group in groups for item in fields(group)}
    in_file = {key if key in known else OLDER_NAMES.get(key, key): value for key, value in _read_file(path).items()}
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
    parser.set_defaults_with_config(**{**machine_defaults(), **in_file})
    try:
        own, training, model = parser.parse_args_into_dataclasses(args=overrides)
    except ValueError as error:
        raise InputError(f"{path or 'command line'}: {error}") from error
    parsed = {**vars(model), **vars(training), **vars(own)}
    for key in ("dataset", "model_name_or_path"):
        if not parsed[key]:
            raise InputError(f"{path or 'command line'}: {key!r} is not set; set it in the recipe or pass --{key}")
    values = {key: parsed[key].value if isinstance(parsed[key], Enum) else parsed[key] for key in sorted(set_keys)}
    recipe = Recipe(own, training, model, values)
    _check_values(recipe, refused)
    return recipe


def machine_defaults() -> dict[str, bool | str]:
    """Return the default values of recipe keys for this machine.

    bf16 is true if the hardware computes in bfloat16. It applies to the autocast operations; the weights stay in
    float32. By transformers' own default for log_level_replica, every process would show the libraries' warnings.
    """
    import torch

    from dataset_builder.hardware import computing_dtype

    return {
        "bf16": computing_dtype() is torch.bfloat16,
        "use_cpu": not torch.cuda.is_available(),
        "disable_tqdm": not sys.stderr.isatty(),
        "log_level_replica": "passive",
    }


def add_recipe_arguments(command: argparse.ArgumentParser, keys: type[SFTKeys]) -> None:
    """Add `--config`, and help on the recipe keys, which `parse_recipe` parses."""
    command.add_argument("--config", metavar="FILE", help="recipe, for example one of training/recipes")
    own = "\n".join(f"--{item.name}: {item.metadata['help']}; default: {item.default!r}" for item in fields(keys))
    command.add_argument_group(
        "recipe keys",
        f"--KEY VALUE overrides any key of the recipe. The keys of this project are\n\n{own}\n\nThe others, such as "
        "--model_name_or_path, --output_dir, --num_train_epochs,\n--max_steps, --learning_rate, --use_peft, --lora_r, "
        "--seed, are those of TRL:\nhttps://huggingface.co/docs/trl",
    )
    command.set_defaults(recipe_keys=[])


def recipe_words(arguments: argparse.Namespace) -> list[str]:
    """Return the command line for `parse_recipe`."""
    return [*(["--config", arguments.config] if arguments.config else []), *arguments.recipe_keys]


def _split_words(words: list[str]) -> tuple[Path | None, list[str]]:
    """Return the file of --config, and the other words."""
    if "--config" not in words:
        return None, words
    place = words.index("--config")
    if place + 1 == len(words):
        raise InputError("--config: has no file; give a recipe, for example one of training/recipes")
    return Path(words[place + 1]), words[:place] + words[place + 2 :]


def _read_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"recipe {path}: cannot be read as YAML ({error}); see the files in training/recipes"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"recipe {path}: is not a mapping of keys to values; see the files in training/recipes")
    return content


def _check_values(recipe: Recipe, refused: dict[str, str]) -> None:
    keys, training = recipe.keys, recipe.training
    for key, reason in refused.items():
        value = recipe.values.get(key)
        if value not in (None, False, 0.0, "no", "nll"):
            shown = "" if key == "hub_token" else f" {value!r}"
            raise InputError(f"{key}{shown}: {reason}; leave the key out")
    if recipe.model.attn_implementation not in (None, "sdpa"):
        raise InputError(
            f"attn_implementation {recipe.model.attn_implementation!r}: the attention mask that separates the "
            "questions of a paper works with 'sdpa' only; leave the key out"
        )
    if "trackio" in training.report_to and find_spec("trackio") is None:
        raise InputError("report_to 'trackio': is not installed; run `pip install trackio`, or leave the key out")
    if keys.validation_questions < 0:
        raise InputError(f"validation_questions {keys.validation_questions}: must be 0 or more")
    if training.max_length is not None and training.max_length < 1:
        raise InputError(f"max_length {training.max_length}: must be 1 or more; leave the key out for no limit")
    if training.save_strategy == "no" and keys.validation_questions:
        raise InputError(f"save_strategy 'no': {CHOSEN}, or save by 'steps'")
    if os.environ.get("ACCELERATE_USE_FSDP") == "true" and keys.validation_questions:
        raise InputError(
            f"validation_questions {keys.validation_questions}: under FSDP no process has the whole model to answer "
            "with; pass --validation_questions 0, which keeps the last epoch"
        )
    if training.n_gpu > 1:
        raise InputError(
            f"{training.n_gpu} GPUs are visible to one process, which trains on one: start one process for each by "
            f"`accelerate launch --multi_gpu --num_processes {training.n_gpu} ...`, or set CUDA_VISIBLE_DEVICES=0"
        )
