"""Find the model that a training starts from: a whole model, or for alignment a LoRA adapter, and load the adapter."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_builder.errors import InputError
from dataset_builder.hub.ids import split_revision
from dataset_builder.models.folders import ModelFolder, find_model

if TYPE_CHECKING:
    from trl.trainer.model_config import ModelConfig


def find_start_model(given: str) -> ModelFolder:
    """Return the model in a folder or on the Hub; raises `InputError` for an adapter, and for a revision."""
    if not Path(given).is_dir() and split_revision(given)[1]:
        problem = "the libraries that train load the newest commit only"
        raise InputError(f"model_name_or_path {given!r}: {problem}; download that revision, and give its folder")
    model = find_model("model_name_or_path", given)
    if model.base is not None:
        raise InputError(
            f"model_name_or_path {given!r}: is a LoRA adapter; give its base {model.base.given}, or train the adapter "
            "further by training.dpo"
        )
    return model


def find_start_adapter(given: str) -> tuple[ModelFolder, ModelFolder]:
    """Return the adapter in a folder or on the Hub, and its base model; raises `InputError` for another model."""
    adapter = find_model("model_name_or_path", given)
    if adapter.base is None:
        raise InputError(
            f"model_name_or_path {given!r}: is not a LoRA adapter, from which DPO starts; "
            "train one with a -lora recipe of training.sft"
        )
    return adapter, adapter.base


def load_start_adapter(adapter: ModelFolder, base: ModelFolder, dtype: str) -> Any:
    """Return the PEFT model of the adapter, to train it further, on its base model with weights in `dtype`."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(base.path, dtype=dtype, use_safetensors=True)
    return PeftModel.from_pretrained(model, adapter.path, is_trainable=True)


def model_arguments(model: "ModelConfig") -> dict[str, Any]:
    """Return the arguments with which the trainer loads the base model."""
    return {"attn_implementation": "sdpa", "dtype": model.dtype or "float32", "use_safetensors": True}


def adapter_settings(model: "ModelConfig", base_model: str) -> Any:
    """Return PEFT's settings of the adapter on the base model (folder or Hub id), or None without an adapter."""
    from transformers import AutoConfig
    from trl.trainer.utils import get_peft_config

    settings: Any = get_peft_config(model)
    if settings:
        # GPT-2's layers store their weights transposed; peft warns if it has to find that out itself.
        settings.fan_in_fan_out = AutoConfig.from_pretrained(base_model).model_type == "gpt2"
    return settings
