"""Exchange the function that computes a model's attention for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peft import PeftModel


@contextmanager
def attention_by(name: str, model: Any) -> Iterator[None]:
    """Within the block, compute the attention of a model or adapter by the function `name`, if it uses torch's "sdpa".

    `name` is one that transformers knows, or that was registered with its `AttentionInterface`.
    """
    if model.config._attn_implementation != "sdpa":
        yield
        return
    # An adapter has the configuration of its base model, but not the method.
    network: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    network.set_attn_implementation(name)
    try:
        yield
    finally:
        network.set_attn_implementation("sdpa")
