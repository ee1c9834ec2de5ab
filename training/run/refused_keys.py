"""Refuse recipe keys that TRL accepts, and that would change the rows, break a resumed run, or have no effect."""

from dataclasses import fields
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from eval.run_metrics import check_temperature
from training.run.recipe import DPOKeys, Recipe, SFTKeys

if TYPE_CHECKING:
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.sft_config import SFTConfig

ROWS = "this project makes the rows and their order itself"
RESUMED = "a run that was stopped would continue in another way"
CHOSEN = "the key `validation_questions` decides when the model is validated, and which epoch is kept"
ADAPTER = "the adapter of `model_name_or_path` is trained further, as it was made"
REFERENCE = "the reference is the adapter of `model_name_or_path`; its log-probabilities are computed once"

# By key, why it is refused. A key may have its default value.
REFUSED = {
    **dict.fromkeys(("padding_free", "train_sampling_strategy", "auto_find_batch_size", "truncation_mode"), ROWS),
    "data_seed": "the key `seed` decides the order of the rows",
    "label_smoothing_factor": "has no effect on the loss of these rows",
    **dict.fromkeys(("save_only_model", "ignore_data_skip"), RESUMED),
    "resume_from_checkpoint": "has no effect here: the same command resumes from the last checkpoint of `output_dir`",
    **dict.fromkeys(("eval_strategy", "load_best_model_at_end", "metric_for_best_model"), CHOSEN),
    **dict.fromkeys(("load_in_8bit", "load_in_4bit"), "the base model is not quantized in training"),
    "attn_implementation": "the attention mask that separates the questions of a paper works with 'sdpa' only",
    "model_revision": "has no effect here; download that revision, and give its folder as `model_name_or_path`",
    **dict.fromkeys(("push_to_hub", "hub_token"), "publish a finished run with `python -m model_cards publish`"),
    "trust_remote_code": "this project never runs code from the repo of a model",
}
REFUSED_BY_SFT = {
    **REFUSED,
    **dict.fromkeys(("packing", "assistant_only_loss", "dataset_kwargs", "chat_template_path", "eos_token"), ROWS),
    "loss_type": "its losses could not be compared with those of other runs",
}
REFUSED_BY_DPO = {
    **REFUSED,
    **dict.fromkeys(("use_peft", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules"), ADAPTER),
    **dict.fromkeys(("precompute_ref_log_probs", "sync_ref_model"), REFERENCE),
    "use_weighting": "its weights need scores that this project does not compute",
    "torch_compile": "each row has another length",
}
# TRL refuses other names only in the first step, after answers were sampled.
DPO_LOSSES = (
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired"),
    *("apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"),
)


def refuse_sft_keys(recipe: "Recipe[SFTKeys, SFTConfig]") -> None:
    """Raise `InputError` for the first key of a recipe of `training.sft` that would be ignored or do harm."""
    _refuse(recipe, REFUSED_BY_SFT)
    processes = recipe.training.dataset_num_proc
    if processes is not None and processes < 1:
        raise InputError(
            f"dataset_num_proc {processes}: must be 1 or more; it is the number of processes that tokenize"
        )
    if recipe.keys.validation_questions and recipe.training.save_strategy == "no":
        raise InputError(
            "save_strategy 'no': the epoch with the most similar answers is loaded from its checkpoint; save by "
            "'steps', or pass --validation_questions 0 to keep the last epoch"
        )


def refuse_dpo_keys(recipe: "Recipe[DPOKeys, DPOConfig]") -> None:
    """Raise `InputError` for the first key of a recipe of `training.dpo` that would be ignored or do harm."""
    _refuse(recipe, REFUSED_BY_DPO)
    for name in recipe.training.loss_type:
        if name not in DPO_LOSSES:
            raise InputError(f"loss_type {name!r}: not a name of TRL 1.16; choose from {', '.join(DPO_LOSSES)}")
    if recipe.keys.samples < 2:
        raise InputError(f"samples {recipe.keys.samples}: must be 2 or more, because two answers are compared")
    check_temperature("temperature", recipe.keys.temperature)


def _refuse(recipe: "Recipe[Any, Any]", reasons: dict[str, str]) -> None:
    defaults = {item.name: item.default for group in (recipe.training, recipe.model) for item in fields(group)}
    defaults["attn_implementation"] = "sdpa"
    for key, reason in reasons.items():
        value = recipe.values.get(key)
        if value not in (None, False, defaults.get(key)):
            shown = "" if key == "hub_token" else f" {value!r}"
            raise InputError(f"{key}{shown}: {reason}; leave the key out")
    if "trackio" in recipe.training.report_to and find_spec("trackio") is None:
        raise InputError(
            "report_to 'trackio': the package is not installed; run `pip install trackio`, or leave it out"
        )
    max_length, questions = recipe.training.max_length, recipe.keys.validation_questions
    if max_length is not None and max_length < 1:
        raise InputError(f"max_length {max_length}: must be 1 or more; leave the key out for rows as long as they are")
    if questions < 0:
        raise InputError(
            f"validation_questions {questions}: must be 0 or more; a number above that of the validation split "
            "means all"
        )
