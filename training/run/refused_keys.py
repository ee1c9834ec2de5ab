"""Refuse recipe keys that TRL accepts, but that have no effect, or a wrong one, in the training of this project."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from eval.run_metrics import check_temperature
from training.run.recipe import DPOKeys, GRPOKeys, ProjectKeys, Recipe, SFTKeys, VerifierKeys

if TYPE_CHECKING:
    from transformers import TrainingArguments
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.sft_config import SFTConfig

ROWS = "this project makes the rows, their labels and their order itself (see the key `rows`)"
OWN_ROWS = "this project makes the rows itself, one for each paper"
OWN = "this project sets it itself"
CHOSEN = "the epoch with the most similar answers is kept (see the key `validation_questions`)"
STAGE = "has no effect here: a stage always trains, and validates as the key `validation_questions` says"
QUANTIZED = "the base model is not quantized in training"
ADAPTER = "the adapter of `model_name_or_path` is trained further, as it was made"

# By key, why it is refused. A key may be set to the value that this project uses anyway.
REFUSED: dict[str, str] = {
    **dict.fromkeys(("model_init_kwargs", "logging_nan_inf_filter", "restore_callback_states_from_checkpoint"), OWN),
    **dict.fromkeys(("do_train", "do_eval", "do_predict"), STAGE),
    **dict.fromkeys(("load_in_8bit", "load_in_4bit", "bnb_4bit_quant_type", "use_bnb_nested_quant"), QUANTIZED),
    "bnb_4bit_quant_storage": QUANTIZED,
    "data_seed": "the key `seed` decides the order of the rows",
    **dict.fromkeys(("save_only_model", "ignore_data_skip"), "a run that was stopped would continue in another way"),
    "model_revision": "has no effect here; download that revision, and give its folder as `model_name_or_path`",
    "resume_from_checkpoint": "has no effect here: the same command resumes from the last checkpoint of `output_dir`",
    **dict.fromkeys(("push_to_hub", "hub_token"), "publish a finished run with `python -m model_cards publish`"),
    "trust_remote_code": "this project never runs code from the repo of a model",
}
REFUSED_BY_SFT: dict[str, str] = {
    **REFUSED,
    **dict.fromkeys(("packing", "eval_packing", "padding_free", "completion_only_loss", "assistant_only_loss"), ROWS),
    **dict.fromkeys(("train_sampling_strategy", "length_column_name", "shuffle_dataset"), ROWS),
    **dict.fromkeys(("dataset_kwargs", "dataset_text_field", "truncation_mode"), ROWS),
    **dict.fromkeys(("chat_template_path", "eos_token", "pad_token", "remove_unused_columns"), ROWS),
    "auto_find_batch_size": ROWS,
    "label_smoothing_factor": "the loss of these rows is computed without label smoothing",
    "eval_on_start": OWN,
}
CHOICE = ("load_best_model_at_end", "metric_for_best_model", "greater_is_better")
REFUSED_WITH_VALIDATION: dict[str, str] = dict.fromkeys(("eval_strategy", *CHOICE), CHOSEN)
REFUSED_WITHOUT_VALIDATION: dict[str, str] = dict.fromkeys(
    CHOICE, "with `validation_questions` 0, the last epoch is kept"
)
LAST_EPOCH = "has no effect here: a stage always trains, and this one keeps its last epoch"
ENCODER = "a verifier is an encoder, of which all layers are trained"
OWN_ORDER = "this project makes the rows itself, and answers of similar length share a batch"
REFUSED_BY_VERIFIER: dict[str, str] = {
    **REFUSED,
    **dict.fromkeys(("do_train", "do_eval", "do_predict"), LAST_EPOCH),
    **dict.fromkeys(REFUSED_WITH_VALIDATION, LAST_EPOCH),
    **dict.fromkeys(("use_peft", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules"), ENCODER),
    **dict.fromkeys(("dtype", "attn_implementation", "label_smoothing_factor", "gradient_checkpointing"), ENCODER),
    **dict.fromkeys(("train_sampling_strategy", "length_column_name", "remove_unused_columns"), OWN_ORDER),
    **dict.fromkeys(("auto_find_batch_size", "label_names"), OWN_ORDER),
    "eval_on_start": OWN,
}
REFUSED_BY_ALIGNMENT: dict[str, str] = {
    **REFUSED,
    **dict.fromkeys(("use_peft", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules"), ADAPTER),
    **dict.fromkeys(("lora_target_parameters", "lora_modules_to_save", "lora_task_type"), ADAPTER),
    **dict.fromkeys(("use_rslora", "use_dora"), ADAPTER),
    **dict.fromkeys(("train_sampling_strategy", "length_column_name"), OWN_ROWS),
    **dict.fromkeys(
        ("eval_strategy", "eval_on_start"), "answers are validated before the first step and after the last"
    ),
    "label_smoothing_factor": "has no effect on the losses of these trainers",
    "attn_implementation": OWN,
}
SAMPLER = "answers are sampled as in the evaluation: at most 64 tokens, without top-k or top-p"
SAMPLED_ONCE = "each step samples its own answers, so that a run that was stopped continues in the same way"
REFUSED_BY_GRPO: dict[str, str] = {
    **REFUSED_BY_ALIGNMENT,
    **dict.fromkeys(("max_completion_length", "top_p", "top_k", "min_p", "repetition_penalty"), SAMPLER),
    **dict.fromkeys(("use_vllm", "use_transformers_paged", "cache_implementation", "generation_kwargs"), SAMPLER),
    **dict.fromkeys(("multi_objective_aggregation", "scale_rewards"), "each measure is normalized by itself"),
    **dict.fromkeys(("num_iterations", "steps_per_generation", "generation_batch_size"), SAMPLED_ONCE),
    **dict.fromkeys(("remove_unused_columns", "use_transformers_continuous_batching"), OWN),
    "sync_ref_model": "the reference is the adapter of `model_name_or_path`, and stays as it is",
    "shuffle_dataset": "the key `seed` decides the order of the prompts",
    "dtype": "answers are sampled with weights in float32; `bf16` computes the training steps in bfloat16",
}
REFERENCE = "the reference is the adapter of `model_name_or_path`; its log-probabilities are computed once"
REFUSED_BY_DPO: dict[str, str] = {
    **REFUSED_BY_ALIGNMENT,
    **dict.fromkeys(
        ("padding_free", "truncation_mode", "pad_to_multiple_of", "pad_token", "dataset_num_proc"), OWN_ROWS
    ),
    **dict.fromkeys(("remove_unused_columns", "auto_find_batch_size", "torch_compile"), OWN_ROWS),
    **dict.fromkeys(("precompute_ref_log_probs", "precompute_ref_batch_size", "sync_ref_model"), REFERENCE),
    "use_weighting": "its weights need scores that this project does not compute",
}
# The values that this project uses, of the keys where that is not false or none.
USED_VALUES = dict.fromkeys(
    ("restore_callback_states_from_checkpoint", "eval_on_start", "load_best_model_at_end", "greater_is_better"), True
)
USED_BY_VERIFIER = dict.fromkeys(("restore_callback_states_from_checkpoint", "eval_on_start"), True)
USED_BY_ALIGNMENT = dict.fromkeys(("restore_callback_states_from_checkpoint", "shuffle_dataset"), True)
# TRL refuses other names of these keys only in the first step, after answers were sampled.
NAMES_IN_DPO = {
    "loss_type": (
        *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired"),
        *("apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"),
    ),
    "f_divergence_type": ("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"),
}
NAMES_IN_GRPO = {
    "loss_type": ("grpo", "bnpo", "dr_grpo", "dapo", "luspo", "cispo", "sapo", "vespo"),
    "importance_sampling_level": ("token", "sequence"),
}


def refuse_sft_keys(recipe: "Recipe[SFTKeys, SFTConfig]") -> None:
    """Raise `InputError` for the first key of a recipe of `training.sft` that would be ignored or do harm."""
    _refuse_other_attention(recipe)
    _refuse_missing_tracker(recipe)
    _refuse(recipe.values, REFUSED_BY_SFT)
    _refuse_no_tokens(recipe.training.max_length)
    processes = recipe.training.dataset_num_proc
    if processes is not None and processes < 1:
        raise InputError(
            f"dataset_num_proc {processes}: must be 1 or more; it is the number of processes that tokenize"
        )
    _refuse_negative_questions(recipe.keys)
    if not recipe.keys.validation_questions:
        _refuse(recipe.values, REFUSED_WITHOUT_VALIDATION, used={})
        return
    _refuse(recipe.values, REFUSED_WITH_VALIDATION)
    if recipe.training.save_strategy == "no":
        raise InputError(
            "save_strategy 'no': the epoch with the most similar answers is loaded from its checkpoint; save by "
            "'steps', or pass --validation_questions 0 to keep the last epoch"
        )


def refuse_verifier_keys(recipe: "Recipe[VerifierKeys, TrainingArguments]") -> None:
    """Raise `InputError` for the first key of a recipe of `training.verifier` that would be ignored or do harm."""
    from dataset_builder.verification.example import ERROR_KINDS

    _refuse_missing_tracker(recipe)
    _refuse(
        recipe.values,
        REFUSED_BY_VERIFIER,
        used=USED_BY_VERIFIER,
    )
    for key in ("draws", "answers_per_label", "max_tokens", "sentences"):
        if getattr(recipe.keys, key) < 1:
            raise InputError(f"{key} {getattr(recipe.keys, key)}: must be 1 or more")
    for kind in recipe.keys.leave_out:
        if kind not in ERROR_KINDS:
            raise InputError(f"leave_out {kind!r}: not a kind of error; choose from {', '.join(ERROR_KINDS)}")


def refuse_grpo_keys(recipe: "Recipe[GRPOKeys, GRPOConfig]") -> None:
    """Raise `InputError` for the first key of a recipe of `training.align` that would be ignored or do harm."""
    _refuse_missing_tracker(recipe)
    _refuse(recipe.values, REFUSED_BY_GRPO, USED_BY_ALIGNMENT)
    _refuse_unknown_names(recipe, NAMES_IN_GRPO)
    _refuse_negative_questions(recipe.keys)
    check_temperature("temperature", recipe.training.temperature)


def refuse_dpo_keys(recipe: "Recipe[DPOKeys, DPOConfig]") -> None:
    """Raise `InputError` for the first key of a recipe of `training.dpo` that would be ignored or do harm."""
    _refuse_missing_tracker(recipe)
    _refuse(recipe.values, REFUSED_BY_DPO, USED_BY_ALIGNMENT)
    _refuse_unknown_names(recipe, NAMES_IN_DPO)
    _refuse_no_tokens(recipe.training.max_length)
    keys = recipe.keys
    _refuse_negative_questions(keys)
    if not keys.preferences:
        raise InputError("preferences: is not set; give the folder for the ranked answers, such as data/best-of-4")
    if keys.samples < 2:
        raise InputError(f"samples {keys.samples}: must be 2 or more, because two answers are compared")
    check_temperature("temperature", keys.temperature)


def _refuse_other_attention(recipe: "Recipe[Any, Any]") -> None:
    if recipe.model.attn_implementation not in (None, "sdpa"):
        raise InputError(
            f"attn_implementation {recipe.model.attn_implementation!r}: the attention mask that separates the "
            "questions of a paper works with 'sdpa' only; leave the key out"
        )


def _refuse_negative_questions(keys: ProjectKeys) -> None:
    if keys.validation_questions < 0:
        raise InputError(
            f"validation_questions {keys.validation_questions}: must be 0 or more; a number above that of the "
            "validation split means all"
        )


def _refuse_no_tokens(max_length: int | None) -> None:
    if max_length is not None and max_length < 1:
        raise InputError(f"max_length {max_length}: must be 1 or more; leave the key out for rows as long as they are")


def _refuse_unknown_names(recipe: "Recipe[Any, Any]", known: Mapping[str, Sequence[str]]) -> None:
    for key, names in known.items():
        given = getattr(recipe.training, key)
        for name in given if isinstance(given, list) else [given]:
            if name not in names:
                raise InputError(f"{key} {name!r}: not a name of TRL 1.16; choose from {', '.join(names)}")


def _refuse_missing_tracker(recipe: "Recipe[Any, Any]") -> None:
    if "trackio" in recipe.training.report_to and find_spec("trackio") is None:
        raise InputError(
            "report_to 'trackio': the package is not installed; run `pip install trackio`, or leave it out"
        )


def _refuse(values: Mapping[str, Any], reasons: Mapping[str, str], used: Mapping[str, bool] = USED_VALUES) -> None:
    for key, reason in reasons.items():
        value = values.get(key)
        if value is not None and value is not used.get(key, False):
            shown = "" if key == "hub_token" else f" {value!r}"
            raise InputError(f"{key}{shown}: {reason}; leave the key out")
