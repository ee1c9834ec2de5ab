"""Attention by matrix products, for training in bfloat16 on a CPU.

There torch's own attention under a mask takes nearly twice as long (RESULTS.md). Here scores and weights are whole
matrices in bfloat16. The weights are kept for the backward pass, so the memory grows with the square of the length of
a row. In float32, in which this gains nothing, and without a mask, torch's own attention computes.
"""

from typing import Any

import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

# The name by which transformers knows this attention.
MATRICES = "bfloat16_matrices"


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
    other = any(kwargs.get(name) is not None for name in ("position_bias", "softcap"))
    if attention_mask is None or value.dtype != torch.bfloat16 or other:
        own = {"dropout": dropout, "scaling": scaling, **kwargs}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **own)
    rows, heads, length, width = query.shape
    # The heads that share a key are adjacent, so a reshape turns them into further queries of that key.
    batch = rows * key.shape[1]
    scaled = query * (width**-0.5 if scaling is None else scaling)
    # Under autocast, rotary positions leave queries and keys in float32.
    queries, keys = (states.to(value.dtype).reshape(batch, -1, width) for states in (scaled, key))
    values = value.reshape(batch, -1, value.shape[-1])
    scores = torch.bmm(queries, keys.transpose(1, 2)).view(rows, heads, length, -1)
    bias = torch.zeros_like(attention_mask, dtype=scores.dtype)
    bias.masked_fill_(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.nn.functional.dropout((scores + bias).softmax(dim=-1), dropout)
    attended = torch.bmm(weights.view(batch, -1, keys.shape[1]), values)
    return attended.view(rows, heads, length, -1).transpose(1, 2).contiguous(), None


AttentionInterface.register(MATRICES, attend)
