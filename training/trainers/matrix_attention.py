"""Attention by matrix products, for training in bfloat16 on a CPU.

There torch's own attention under a mask reaches a third of the speed of its matrix products (RESULTS.md). So scores
and probabilities are computed as whole matrices, in bfloat16, and kept for the backward pass. In float32, in which
this gains nothing, and without a mask, torch's own attention computes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask
from transformers.modeling_utils import AttentionInterface

NAME = "bfloat16_matrices"


@contextmanager
def matrix_attention(model: Any) -> Iterator[None]:
    """Within the block, the attention of a model or adapter is computed by matrix products, if it is on a CPU."""
    if model.device.type != "cpu":
        yield
        return
    network: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    network.set_attn_implementation(NAME)
    try:
        yield
    finally:
        network.set_attn_implementation("sdpa")


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Return the attention of queries (rows, heads, length, width) as (rows, length, heads, width).

    Keys and values are (rows, key heads, length, width), and the mask is true for the pairs of tokens that count:
    (rows, 1, length, length).
    """
    if attention_mask is None or value.dtype != torch.bfloat16:
        own = {"dropout": dropout, "scaling": scaling, **kwargs}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **own)
    rows, heads, length, width = query.shape
    # The heads that share a key are adjacent, so a reshape turns them into further queries of that key.
    batch = rows * key.shape[1]
    scaled = query * (width**-0.5 if scaling is None else scaling)
    # Under autocast, rotary positions leave queries and keys in float32.
    queries, keys, values = (states.to(value.dtype).reshape(batch, -1, width) for states in (scaled, key, value))
    scores = torch.bmm(queries, keys.transpose(1, 2)).view(rows, heads, length, -1)
    bias = torch.zeros_like(attention_mask, dtype=scores.dtype)
    bias.masked_fill_(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.nn.functional.dropout((scores + bias).softmax(dim=-1), dropout)
    attended = torch.bmm(weights.view(batch, -1, keys.shape[1]), values).view(rows, heads, length, width)
    return attended.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
