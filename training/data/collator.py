"""Batches of rows: padding, and the attention mask that keeps the questions of one paper apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.data.tokenization import NO_LOSS

if TYPE_CHECKING:
    import torch

PADDING = -1  # the number of the part that padding belongs to


@dataclass(frozen=True)
class RowCollator:
    """Makes a batch of rows, padded on the right to the longest, rounded up to a multiple of `pad_to_multiple_of`."""

    pad_token_id: int
    pad_to_multiple_of: int = 1

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `labels`, `position_ids`, `parts` and `attention_mask`, each (rows, length), int64.

        `attention_mask` is 1 for a token and 0 for padding, by which the trainer counts tokens; the model gets
        `attention_mask(parts)` in its place.
        """
        import torch

        longest = max(1, *(len(row["input_ids"]) for row in rows))
        length = -(-longest // self.pad_to_multiple_of) * self.pad_to_multiple_of
        filling = {"input_ids": self.pad_token_id, "labels": NO_LOSS, "position_ids": 0, "parts": PADDING}
        batch = {
            column: torch.tensor([row[column] + [filler] * (length - len(row[column])) for row in rows])
            for column, filler in filling.items()
        }
        batch["attention_mask"] = (batch["parts"] != PADDING).long()
        return batch


def attention_mask(parts: torch.Tensor) -> torch.Tensor:
    """Return for parts (rows, length) which tokens each token sees: (rows, 1, length, length), bool.

    A token sees those before it, and itself, of the common part 0 and of its own part. Padding comes last in a row and
    sees the like, which keeps the softmax of its rows finite; no token sees it.
    """
    import torch

    length = parts.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=parts.device).tril()
    seen = (parts[:, None, :] == 0) | (parts[:, None, :] == parts[:, :, None])
    return (before & seen)[:, None]
