"""Attention and cache for many questions on one abstract, without copies of keys and values.

If several query heads share keys and values, transformers' own attention under a mask copies these to every head, and
its cache copies everything when it grows by a token. With hundreds of questions at once these copies, not arithmetic,
take most of the time (RESULTS.md).
"""

from typing import Any

import torch
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

# The name by which transformers knows this attention: heads that share a key are computed together.
GROUPED = "sdpa_by_key_head"


class PreallocatedLayer(DynamicLayer):  # type: ignore[no-untyped-call]  # the base's __init_subclass__ is untyped
    """A layer of the cache that allocates memory for `capacity` tokens at the start, so that adding copies nothing."""

    def __init__(self, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # not annotated
        self._capacity = capacity
        self._room: list[torch.Tensor] = []

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add the states of new tokens, and return the states of all tokens."""
        if not self.is_initialized:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
            self._room = [
                states.new_empty(*states.shape[:2], self._capacity, states.shape[3])
                for states in (key_states, value_states)
            ]
        start = self.get_seq_length()
        end = start + key_states.shape[2]
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, start:end] = states
        self.keys, self.values = (room[:, :, :end] for room in self._room)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows `indices`."""
        if not self.is_initialized:  # a layer that uses the keys of another layer
            return
        length = self.get_seq_length()
        self._room = [room[indices] for room in self._room]
        self.keys, self.values = (room[:, :, :length] for room in self._room)


def preallocated_cache(model: PreTrainedModel, capacity: int) -> Cache:
    """Return an empty cache for `capacity` tokens in each row."""
    return Cache(layers=[PreallocatedLayer(capacity) for _ in range(model.config.num_hidden_layers)])


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    groups = query.shape[1] // key.shape[1]
    if attention_mask is None or groups == 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    rows, heads, length, width = query.shape
    # The heads of a group are adjacent, so a reshape turns them into further queries of the head of their key.
    packed = query.reshape(rows, heads // groups, groups * length, width)
    attended = torch.nn.functional.scaled_dot_product_attention(
        packed, key, value, attn_mask=attention_mask.repeat(1, 1, groups, 1), scale=scaling
    )
    return attended.view(rows, heads, length, width).transpose(1, 2).contiguous(), None


AttentionInterface.register(GROUPED, _attend)
