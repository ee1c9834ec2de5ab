"""Attention and cache for many questions on one abstract: each key and value is read where it lies, never copied.

transformers' own attention under a mask copies keys and values out to every query head where several heads share
them, and its growing cache copies everything at each token. With hundreds of questions at once these copies, not
arithmetic, take most of the time (RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from transformers import Cache
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import AttentionInterface

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

NAME = "sdpa_by_key_head"


class RoomyLayer(DynamicLayer):
    """A layer of the cache with room for `capacity` tokens from the start, so that a further token moves none."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._room: list[torch.Tensor] = []

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add the states of new tokens, and return those of all."""
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
        length = self.get_seq_length()
        self._room = [room[indices] for room in self._room]
        self.keys, self.values = (room[:, :, :length] for room in self._room)


def roomy_cache(model: PreTrainedModel, capacity: int) -> Cache:
    """Return an empty cache for `capacity` tokens a row."""
    return Cache(layers=[RoomyLayer(capacity) for _ in range(model.config.num_hidden_layers)])


@contextmanager
def reading_keys_once(model: PreTrainedModel) -> Iterator[None]:
    """Within the block, let heads that share a key compute with it together, where the model attends by SDPA."""
    before = model.config._attn_implementation
    if before == "sdpa":
        model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    import torch

    groups = query.shape[1] // key.shape[1]
    if attention_mask is None or groups == 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    rows, heads, length, width = query.shape
    # The heads of a group lie side by side, so that they become further queries of their key's head.
    packed = query.reshape(rows, heads // groups, groups * length, width)
    attended = torch.nn.functional.scaled_dot_product_attention(
        packed, key, value, attn_mask=attention_mask.repeat(1, 1, groups, 1), scale=scaling
    )
    return attended.view(rows, heads, length, width).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, _attend)
