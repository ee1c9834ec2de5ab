"""Turn the keys of a recipe on the model and its adapter into the arguments of a trainer."""

from typing import Any

from trl.trainer.model_config import ModelConfig


def model_arguments(model: ModelConfig) -> dict[str, Any]:
    """Return the arguments with which the trainer loads the base model."""
    return {"attn_implementation": "sdpa", "dtype": model.dtype or "float32", "use_safetensors": True}


def adapter_settings(model: ModelConfig, base_model: str) -> Any:
    """Return PEFT's settings of the adapter on the base model (folder or Hub id), or None without an adapter."""
    from transformers import AutoConfig
    from trl.trainer.utils import get_peft_config

    settings: Any = get_peft_config(model)
    if settings:
        # GPT-2's layers store their weights transposed; peft warns if it has to find that out itself.
        settings.fan_in_fan_out = AutoConfig.from_pretrained(base_model).model_type == "gpt2"
    return settings
