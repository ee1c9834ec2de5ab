"""Recipes: every file parses, keys can be overridden, and the error for a wrong key helps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.errors import InputError
from tests.conftest import REPOSITORY
from training.recipe import REFUSED_BY_DPO, REFUSED_BY_SFT, DPOKeys, Recipe, SFTKeys, machine_defaults, parse_recipe

RECIPES = sorted(path for folder in ("training", "tests") for path in (REPOSITORY / folder / "recipes").glob("*.yaml"))
TINY = str(REPOSITORY / "tests/recipes/tiny-full.yaml")


def sft_recipe(words: list[str]) -> Recipe:
    """Return the recipe of `training.sft`."""
    from trl.trainer.sft_config import SFTConfig

    return parse_recipe(words, SFTKeys, SFTConfig, REFUSED_BY_SFT)


def dpo_recipe(words: list[str]) -> Recipe:
    """Return the recipe of `training.dpo`."""
    from trl.trainer.dpo_config import DPOConfig

    return parse_recipe(words, DPOKeys, DPOConfig, REFUSED_BY_DPO)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_parses_and_says_how_to_launch_it(path: Path) -> None:
    """The launch line and the method fit the file's name, checkpointing is off, and no key is deprecated."""
    words, stage = ["--config", str(path)], "dpo" if path.stem.endswith("-dpo") else "sft"
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        recipe: Any = dpo_recipe(words) if stage == "dpo" else sft_recipe(words)
    assert f"-m training.{stage} --config {path.relative_to(REPOSITORY)}\n" in path.read_text()
    assert recipe.training.output_dir == f"runs/{path.stem}"
    assert not recipe.training.gradient_checkpointing
    if stage == "sft":
        assert recipe.model.use_peft is not path.stem.endswith("-full")


def test_full_and_lora_differ_in_nothing_else() -> None:
    """The two recipes of a base are to be compared: same data, order, length and seed."""
    for base in ("training/recipes/gpt2", "training/recipes/smollm2", "tests/recipes/tiny"):
        full, lora = (
            sft_recipe(["--config", str(REPOSITORY / f"{base}-{method}.yaml")]) for method in ("full", "lora")
        )
        different = {key for key in {*full.values, *lora.values} if full.values.get(key) != lora.values.get(key)}
        adapter = {"lora_alpha", "lora_dropout", "lora_r", "lora_target_modules", "use_peft"}
        assert different <= adapter | {"learning_rate", "output_dir"}


def test_command_line_overrides_the_file_and_the_file_the_defaults() -> None:
    """In both spellings of an option; what the hardware would choose holds only where neither says."""
    arguments = ["--config", TINY, "--learning_rate", "0.25", "--seed=7"]
    recipe = sft_recipe(arguments)
    assert (recipe.training.learning_rate, recipe.training.seed) == (0.25, 7)
    assert recipe.training.num_train_epochs == 2
    assert (recipe.values["learning_rate"], recipe.values["seed"]) == (0.25, 7)
    assert "use_cpu" not in recipe.values


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("learning_rat", "learning_rate"),
        ("lora_rank", "lora_r'"),
        ("num_epochs", "num_train_epochs"),
    ],
)
def test_wrong_key_names_the_nearest(tmp_path: Path, wrong: str, nearest: str) -> None:
    """Misspelt or abbreviated, on the command line or in the file."""
    with pytest.raises(InputError, match=f"'{wrong}': unknown recipe key; the nearest is '{nearest}"):
        sft_recipe(["--config", TINY, f"--{wrong}", "1"])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{wrong}: 1\n")
    with pytest.raises(InputError, match=f"the nearest is '{nearest}"):
        sft_recipe(["--config", str(recipe)])


def test_negated_flag_sets_the_key() -> None:
    """As argparse adds one for each switch that is on by default."""
    recipe = sft_recipe(["--model_name_or_path", "m", "--dataset", "d", "--no_gradient_checkpointing"])
    assert not recipe.training.gradient_checkpointing
    assert recipe.values["gradient_checkpointing"] is False


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "packing",
            "true",
            "packing True: this project makes the rows, their labels and their order",
        ),
        ("attn_implementation", "flash_attention_2", "attn_implementation 'flash_attention_2': the attention mask"),
        ("loss_type", "dft", "loss_type 'dft': the loss is the cross entropy of the answers"),
        ("trust_remote_code", "true", "trust_remote_code True: this project never runs code"),
        ("resume_from_checkpoint", "runs/x", "resume_from_checkpoint 'runs/x': the same command"),
        ("hub_token", "secret", "^hub_token: publish a finished run with `python -m model_cards publish`"),
        ("save_only_model", "true", "save_only_model True: a run that was stopped would continue in another way"),
        ("validation_questions", "-1", "validation_questions -1: must be 0 or more"),
        ("eval_strategy", "steps", "eval_strategy 'steps': the epoch with the most similar answers is kept"),
        ("max_length", "0", "max_length 0: must be 1 or more"),
        ("save_strategy", "no", "save_strategy 'no': the epoch with the most similar answers is kept"),
    ],
)
def test_unsupported_setting_is_refused(key: str, value: str, message: str) -> None:
    """Each would be ignored, or end in a traceback or in a model that metrics.json does not describe."""
    with pytest.raises(InputError, match=message):
        sft_recipe(["--config", TINY, f"--{key}", value])


def test_default_values_are_not_refused() -> None:
    """A recipe may say what holds anyway. Without validation answers, the last step need not be saved."""
    used = ["--packing", "false", "--eval_strategy", "no", "--loss_type", "nll", "--attn_implementation", "sdpa"]
    sft_recipe(["--config", TINY, *used])
    sft_recipe(["--config", TINY, "--validation_questions", "0", "--save_strategy", "no"])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("samples", "1", "samples 1: must be 2 or more, because two answers are compared"),
        ("temperature", "0", r"temperature 0.0: must be a number greater than 0"),
        ("preferences", "", "preferences: is not set; give a folder of preferences"),
        ("lora_r", "4", "lora_r 4: the adapter of `model_name_or_path` is trained further"),
    ],
)
def test_unsupported_setting_of_dpo_is_refused(key: str, value: str, message: str) -> None:
    """Each would be ignored, or leave nothing to compare. Nothing is loaded."""
    from training import dpo

    words = ["--config", str(REPOSITORY / "tests/recipes/tiny-dpo.yaml"), f"--{key}", value]
    with pytest.raises(InputError, match=message):
        dpo.main(words)


def test_answers_under_fsdp_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As accelerate launch tells its processes."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InputError, match="under FSDP no process has the whole model to answer with"):
        sft_recipe(["--config", TINY, "--use_cpu", "true"])


def test_several_gpus_in_one_process_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two as transformers counts them; the message has the launch that uses both, and how to use one."""
    from transformers import TrainingArguments

    monkeypatch.setattr(TrainingArguments, "n_gpu", 2)
    with pytest.raises(
        InputError, match=r"2 GPUs .* `accelerate launch --multi_gpu --num_processes 2 .*CUDA_VISIBLE_DEV"
    ):
        sft_recipe(["--config", TINY])


@pytest.mark.parametrize(("dtype", "bf16"), [("bfloat16", True), ("float16", False), ("float32", False)])
def test_precision_is_the_one_that_the_hardware_computes_in(
    monkeypatch: pytest.MonkeyPatch, dtype: str, bf16: bool
) -> None:
    """A GPU before capability 8.0 computes in float16: bfloat16, which torch says it supports, is emulated there."""
    import torch

    monkeypatch.setattr("dataset_builder.hardware.computing_dtype", lambda: getattr(torch, dtype))
    assert machine_defaults()["bf16"] is bf16


@pytest.mark.parametrize("content", ["- a list", "a: [", "\x00"])
def test_file_that_is_not_a_recipe_is_refused(tmp_path: Path, content: str) -> None:
    """A list, a broken mapping, a byte that YAML forbids."""
    path = tmp_path / "recipe.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"recipe {path}"):
        sft_recipe(["--config", str(path)])


def test_recipe_without_a_corpus_or_a_base_is_refused() -> None:
    """Both have no default that could be right."""
    with pytest.raises(InputError, match="'dataset' is not set"):
        sft_recipe(["--model_name_or_path", "m"])
    with pytest.raises(InputError, match="'model_name_or_path' is not set"):
        sft_recipe(["--dataset", "d"])
