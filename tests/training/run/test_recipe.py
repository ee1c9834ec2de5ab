"""Recipes: every file parses, keys can be overridden, and the error for a wrong key helps."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.errors import InputError
from tests.conftest import REPOSITORY
from training.hardware import check_processes, machine_defaults
from training.run.recipe import DPOKeys, GRPOKeys, Recipe, SFTKeys, VerifierKeys, parse_recipe
from training.run.refused_keys import (
    NAMES_IN_DPO,
    NAMES_IN_GRPO,
    refuse_dpo_keys,
    refuse_grpo_keys,
    refuse_sft_keys,
    refuse_verifier_keys,
)

RECIPES = sorted(path for folder in ("training", "tests") for path in (REPOSITORY / folder / "recipes").glob("*.yaml"))
TINY = str(REPOSITORY / "tests/recipes/tiny-full.yaml")


def sft_recipe(words: list[str], defaults: dict[str, Any]) -> Recipe[SFTKeys, Any]:
    """Return the recipe of `training.sft` without the defaults for this machine."""
    from trl.trainer.sft_config import SFTConfig

    return parse_recipe(words, defaults, SFTKeys, SFTConfig)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_parses_and_says_how_to_launch_it(path: Path) -> None:
    """The launch line and the method fit the file's name, checkpointing is off, and no key is deprecated."""
    from transformers import TrainingArguments
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.sft_config import SFTConfig

    words, defaults = ["--config", str(path)], {"bf16": False, "use_cpu": True}
    stage = {"grpo": "align", "dpo": "dpo", "verifier": "verifier"}.get(path.stem.rsplit("-", 1)[1], "sft")
    keys, config, refuse = {
        "align": (GRPOKeys, GRPOConfig, refuse_grpo_keys),
        "dpo": (DPOKeys, DPOConfig, refuse_dpo_keys),
        "sft": (SFTKeys, SFTConfig, refuse_sft_keys),
        "verifier": (VerifierKeys, TrainingArguments, refuse_verifier_keys),
    }[stage]
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        recipe: Any = parse_recipe(words, defaults, keys, config)
    assert f"-m training.{stage} --config {path.relative_to(REPOSITORY)}\n" in path.read_text()
    assert recipe.training.output_dir == f"runs/{path.stem}"
    assert not recipe.training.gradient_checkpointing
    refuse(recipe)
    if stage == "sft":
        assert recipe.keys.rows == "paper"
        assert recipe.model.use_peft is not path.stem.endswith("-full")


def test_documented_commands_make_the_base_of_every_recipe() -> None:
    """`models` writes SmolLM2, another recipe trains an adapter, and GPT-2 is on the Hub."""
    bases = {
        sft_recipe(["--config", str(path)], {"bf16": False}).base_model
        for path in (REPOSITORY / "training/recipes").glob("*.yaml")
        if not path.stem.endswith(("-grpo", "-dpo", "-verifier"))
    }
    assert bases == {"data/models/smollm2", "openai-community/gpt2"}


@pytest.mark.parametrize("flag", ["neftune", "dft", "best-of-n"])
def test_a_variant_differs_in_one_key(flag: str) -> None:
    """From the LoRA recipe that it is to be compared with."""
    lora, variant = (
        sft_recipe(["--config", str(REPOSITORY / f"training/recipes/smollm2-{name}.yaml")], {"bf16": False})
        for name in ("lora", flag)
    )
    keys = {*lora.values, *variant.values}
    different = {key for key in keys if lora.values.get(key) != variant.values.get(key)} - {"output_dir"}
    assert different == {{"neftune": "neftune_noise_alpha", "dft": "loss_type", "best-of-n": "dataset"}[flag]}


def test_full_and_lora_differ_in_nothing_else() -> None:
    """The two recipes of a base are to be compared: same data, order, length and seed."""
    for base in ("training/recipes/gpt2", "training/recipes/smollm2", "tests/recipes/tiny"):
        full, lora = (
            sft_recipe(["--config", str(REPOSITORY / f"{base}-{method}.yaml")], {"bf16": False})
            for method in ("full", "lora")
        )
        different = {key for key in {*full.values, *lora.values} if full.values.get(key) != lora.values.get(key)}
        adapter = {"lora_alpha", "lora_dropout", "lora_r", "lora_target_modules", "use_peft"}
        assert different <= adapter | {"learning_rate", "output_dir"}


def test_command_line_overrides_the_file_and_the_file_the_defaults() -> None:
    """In both spellings of an option; what the hardware would choose holds only where neither says."""
    arguments = ["--config", TINY, "--learning_rate", "0.25", "--seed=7"]
    recipe = sft_recipe(arguments, {"use_cpu": True, "bf16": False, "seed": 5})
    assert (recipe.training.learning_rate, recipe.training.seed) == (0.25, 7)
    assert recipe.training.num_train_epochs == 2
    assert recipe.training.use_cpu
    assert (recipe.values["learning_rate"], recipe.values["seed"]) == (0.25, 7)
    assert "use_cpu" not in recipe.values


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("learning_rat", "learning_rate"),
        ("lora_alph", "lora_alpha"),
        ("datasett", "dataset"),
        ("lora_rank", "lora_r'"),
        ("num_epochs", "num_train_epochs"),
    ],
)
def test_wrong_key_names_the_nearest(tmp_path: Path, wrong: str, nearest: str) -> None:
    """Misspelt or abbreviated, on the command line or in the file."""
    with pytest.raises(InputError, match=f"'{wrong}': unknown recipe key; the nearest is '{nearest}"):
        sft_recipe(["--config", TINY, f"--{wrong}", "1"], {})
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{wrong}: 1\n")
    with pytest.raises(InputError, match=f"the nearest is '{nearest}"):
        sft_recipe(["--config", str(recipe)], {})


def test_older_transformers_gets_the_older_key(tmp_path: Path) -> None:
    """A configuration that knows activation checkpointing by its older name only."""

    @dataclass
    class OlderConfig:
        output_dir: str | None = None
        gradient_checkpointing: bool = True

    path = tmp_path / "recipe.yaml"
    path.write_text("model_name_or_path: m\ndataset: d\nactivation_checkpointing: false\n")
    older: Any = OlderConfig
    recipe = parse_recipe(["--config", str(path)], {}, SFTKeys, older)
    assert recipe.training.gradient_checkpointing is False
    assert recipe.values["gradient_checkpointing"] is False


def test_negated_flag_sets_the_key() -> None:
    """As argparse adds one for each switch that is on by default."""
    recipe = sft_recipe(
        ["--model_name_or_path", "m", "--dataset", "d", "--no_gradient_checkpointing"], {"bf16": False}
    )
    assert not recipe.training.gradient_checkpointing
    assert recipe.values["gradient_checkpointing"] is False


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("packing", "true", "packing True: this project makes the rows, their labels"),
        (
            "train_sampling_strategy",
            "group_by_length",
            "train_sampling_strategy 'group_by_length': this project makes the rows",
        ),
        ("attn_implementation", "flash_attention_2", "attn_implementation 'flash_attention_2': the attention mask"),
        ("dataset_kwargs", "{}", "dataset_kwargs {}: this project makes the rows"),
        ("remove_unused_columns", "true", "remove_unused_columns True: this project makes the rows"),
        ("eos_token", "</s>", "eos_token '</s>': this project makes the rows"),
        ("dataset_num_proc", "0", "dataset_num_proc 0: must be 1 or more"),
        ("data_seed", "0", "data_seed 0: the key `seed` decides the order"),
        ("model_revision", "v1", "model_revision 'v1': has no effect here; download that revision"),
        ("load_in_4bit", "true", "load_in_4bit True: the base model is not quantized"),
        ("trust_remote_code", "true", "trust_remote_code True: this project never runs code"),
        ("resume_from_checkpoint", "runs/x", "resume_from_checkpoint 'runs/x': has no effect here: the same command"),
        ("logging_nan_inf_filter", "true", "logging_nan_inf_filter True: this project sets it itself"),
        ("eval_on_start", "false", "eval_on_start False: this project sets it itself"),
        ("push_to_hub", "true", "push_to_hub True: publish a finished run with `python -m model_cards publish`"),
        ("hub_token", "secret", "^hub_token: publish a finished run with"),
        ("label_smoothing_factor", "0.1", r"label_smoothing_factor 0\.1: the loss of these rows is computed without"),
        ("save_only_model", "true", "save_only_model True: a run that was stopped would continue in another way"),
        ("validation_questions", "-1", "validation_questions -1: must be 0 or more"),
        ("eval_strategy", "steps", "eval_strategy 'steps': the epoch with the most similar answers is kept"),
        ("greater_is_better", "false", "greater_is_better False: the epoch with the most similar answers is kept"),
        ("max_length", "0", "max_length 0: must be 1 or more"),
        ("save_strategy", "no", "save_strategy 'no': the epoch with the most similar answers is loaded from its ch"),
    ],
)
def test_unsupported_setting_is_refused(key: str, value: str, message: str) -> None:
    """Each would be ignored, or end in a traceback or in a model that metrics.json does not describe.

    The values that are used anyway are not refused.
    """
    recipe = sft_recipe(["--config", TINY, f"--{key}", value], {"bf16": False})
    with pytest.raises(InputError, match=message):
        refuse_sft_keys(recipe)
    used = ["--packing", "false", "--remove_unused_columns", "false", "--eval_on_start", "true"]
    refuse_sft_keys(sft_recipe(["--config", TINY, *used], {"bf16": False}))


def test_choice_of_an_epoch_needs_validation_answers() -> None:
    """Without them, the last epoch is kept, and the trainer must not load another checkpoint."""
    words = ["--config", TINY, "--validation_questions", "0"]
    refuse_sft_keys(sft_recipe(words, {"bf16": False}))
    with pytest.raises(InputError, match="metric_for_best_model 'loss': with `validation_questions` 0, the last ep"):
        refuse_sft_keys(sft_recipe([*words, "--metric_for_best_model", "loss"], {"bf16": False}))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("lora_r", "4", "lora_r 4: the adapter of `model_name_or_path` is trained further"),
        ("dtype", "bfloat16", "dtype 'bfloat16': answers are sampled with weights in float32"),
        ("num_iterations", "2", "num_iterations 2: each step samples its own answers"),
        ("loss_type", "grop", "loss_type 'grop': not a name of TRL 1.16; choose from grpo, bnpo"),
        ("importance_sampling_level", "word", "importance_sampling_level 'word': not a name of TRL 1.16"),
        ("remove_unused_columns", "true", "remove_unused_columns True: this project sets it itself"),
        ("sync_ref_model", "true", "sync_ref_model True: the reference is the adapter"),
        ("shuffle_dataset", "false", "shuffle_dataset False: the key `seed` decides the order"),
        ("eval_on_start", "true", "eval_on_start True: answers are validated before the first step"),
    ],
)
def test_unsupported_setting_of_grpo_is_refused(key: str, value: str, message: str) -> None:
    """It trains the adapter that it is given, by answers that it samples itself in each step."""
    from trl.trainer.grpo_config import GRPOConfig

    words = ["--config", str(REPOSITORY / "tests/recipes/tiny-grpo.yaml")]
    defaults = {"bf16": False, "use_cpu": True}
    refuse_grpo_keys(parse_recipe(words, defaults, GRPOKeys, GRPOConfig))
    with pytest.raises(InputError, match=message):
        refuse_grpo_keys(parse_recipe([*words, f"--{key}", value], defaults, GRPOKeys, GRPOConfig))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("samples", "1", "samples 1: must be 2 or more, because two answers are compared"),
        ("temperature", "0", r"temperature 0.0: must be a number greater than 0"),
        ("preferences", "", "preferences: is not set; give the folder for the ranked answers"),
        ("sync_ref_model", "true", "sync_ref_model True: the reference is the adapter of `model_name_or_path`"),
        ("lora_r", "4", "lora_r 4: the adapter of `model_name_or_path` is trained further"),
        ("loss_type", "sigmiod sft", "loss_type 'sigmiod': not a name of TRL 1.16; choose from sigmoid, hinge"),
        ("f_divergence_type", "kl", "f_divergence_type 'kl': not a name of TRL 1.16"),
        (
            "train_sampling_strategy",
            "group_by_length",
            "train_sampling_strategy 'group_by_length': this project makes",
        ),
        ("label_smoothing_factor", "0.1", "label_smoothing_factor 0.1: has no effect"),
        ("eval_on_start", "true", "eval_on_start True: answers are validated before the first step"),
        ("max_length", "0", "max_length 0: must be 1 or more"),
    ],
)
def test_unsupported_setting_of_dpo_is_refused(key: str, value: str, message: str) -> None:
    """Each would end in a traceback, be ignored, or leave nothing to compare."""
    from trl.trainer.dpo_config import DPOConfig

    words = ["--config", str(REPOSITORY / "tests/recipes/tiny-dpo.yaml"), f"--{key}", *value.split(" ")]
    recipe = parse_recipe(words, {"bf16": False, "use_cpu": True}, DPOKeys, DPOConfig)
    with pytest.raises(InputError, match=message):
        refuse_dpo_keys(recipe)


def test_names_of_losses_are_those_of_trl() -> None:
    """Each is a name that TRL's trainer compares with, and TRL's own choices are among them."""
    from trl.trainer import dpo_trainer, grpo_trainer
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.grpo_config import GRPOConfig

    for known, trainer, config in (
        (NAMES_IN_DPO, dpo_trainer, DPOConfig),
        (NAMES_IN_GRPO, grpo_trainer, GRPOConfig),
    ):
        source = inspect.getsource(trainer)
        for key, names in known.items():
            assert [name for name in names if f'"{name}"' not in source] == []
            default = getattr(config(bf16=False, use_cpu=True), key)
            assert set(default if isinstance(default, list) else [default]) <= set(names)


def test_answers_under_fsdp_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As accelerate launch tells its processes, by each stage that needs the whole model."""
    from training import align, dpo, sft, verifier

    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    for stage, name, message in (
        (sft, "lora", "validation_questions 64: under FSDP no process has the whole model.*; pass --validation_quest"),
        (dpo, "dpo", "training.dpo: under FSDP no process has the whole model.*; leave FSDP out"),
        (align, "grpo", "training.align: under FSDP no process has the whole model.*; leave FSDP out"),
        (verifier, "verifier", "training.verifier: under FSDP no process has the whole model.*; leave FSDP out"),
    ):
        with pytest.raises(InputError, match=message):
            stage.main(["--config", str(REPOSITORY / f"tests/recipes/tiny-{name}.yaml"), "--use_cpu", "true"])


def test_several_gpus_in_one_process_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two as transformers counts them; the message has the launch that uses both, and how to use one."""
    from transformers import TrainingArguments

    recipe = sft_recipe(["--config", TINY], {"bf16": False})
    check_processes(recipe.training)
    monkeypatch.setattr(TrainingArguments, "n_gpu", 2)
    with pytest.raises(
        InputError, match=r"2 GPUs .* `accelerate launch --multi_gpu --num_processes 2 .*CUDA_VISIBLE_DEV"
    ):
        check_processes(recipe.training)


@pytest.mark.parametrize(("dtype", "bf16"), [("bfloat16", True), ("float16", False), ("float32", False)])
def test_precision_is_the_one_that_the_hardware_computes_in(
    monkeypatch: pytest.MonkeyPatch, dtype: str, bf16: bool
) -> None:
    """A GPU before capability 8.0 computes in float16: bfloat16, which torch says it supports, is emulated there."""
    import torch

    monkeypatch.setattr("training.hardware.computing_dtype", lambda: getattr(torch, dtype))
    assert machine_defaults()["bf16"] is bf16


@pytest.mark.parametrize("content", ["- a list", "a: [", "\x00"])
def test_file_that_is_not_a_recipe_is_refused(tmp_path: Path, content: str) -> None:
    """A list, a broken mapping, a byte that YAML forbids."""
    path = tmp_path / "recipe.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"recipe {path}"):
        sft_recipe(["--config", str(path)], {})


def test_recipe_without_a_corpus_or_a_base_is_refused() -> None:
    """Both have no default that could be right."""
    with pytest.raises(InputError, match="'dataset' is not set"):
        sft_recipe(["--model_name_or_path", "m"], {"bf16": False})
    with pytest.raises(InputError, match="'model_name_or_path' is not set"):
        sft_recipe(["--dataset", "d"], {"bf16": False})
