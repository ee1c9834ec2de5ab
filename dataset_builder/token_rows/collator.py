"""Collate rows: pad them, and compute the attention mask that separates the questions of one paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch

from dataset_builder.token_rows.row import NO_LOSS, TokenizedRow, TreeRow

PADDING = -1  # the part number of padding


@dataclass(frozen=True)
class RowCollator:
    """Collates rows, padded on the right to the longest, rounded up to a multiple of `pad_to_multiple_of`."""

    pad_token_id: int
    pad_to_multiple_of: int = 1

    def __call__(self, rows: Sequence[TokenizedRow | TreeRow]) -> dict[str, torch.Tensor]:
        """Return `input_ids`, `labels`, `position_ids`, `parts` and `attention_mask`, each (rows, length), int64.

        Rows with several completions of a prompt also have `branches`. `attention_mask` is 1 for a token and 0 for
        padding; the trainer counts tokens by it. The model gets `attention_mask(parts, branches)` instead.
        """
        longest = max(1, *(len(row["input_ids"]) for row in rows))
        length = -(-longest // self.pad_to_multiple_of) * self.pad_to_multiple_of

        def padded(columns: list[list[int]], padding: int) -> torch.Tensor:
            return torch.tensor([column + [padding] * (length - len(column)) for column in columns])

        parts = padded([row["parts"] for row in rows], PADDING)
        batch = {
            "input_ids": padded([row["input_ids"] for row in rows], self.pad_token_id),
            "labels": padded([row["labels"] for row in rows], NO_LOSS),
            "position_ids": padded([row["position_ids"] for row in rows], 0),
            "parts": parts,
            "attention_mask": (parts != PADDING).long(),
        }
        if branches := [cast("TreeRow", row)["branches"] for row in rows if "branches" in row]:
            batch["branches"] = padded(branches, PADDING)
        return batch


def attention_mask(parts: torch.Tensor, branches: torch.Tensor | None = None) -> torch.Tensor:
    """Return which tokens each token sees, for parts and branches (rows, length): (rows, 1, length, length), bool.

    A token sees itself and the earlier tokens of part 0, which the parts share, and of its own part. Of these it does
    not see the tokens of other branches; branch 0 is what the branches share. Padding comes last in a row and sees
    tokens by the same rule, which keeps the softmax finite; no token sees padding.
    """
    length = parts.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=parts.device).tril()
    seen = before & _is_shared_or_same(parts)
    return (seen if branches is None else seen & _is_shared_or_same(branches))[:, None]


def _is_shared_or_same(groups: torch.Tensor) -> torch.Tensor:
    """Return for each token (second axis) which tokens (third axis) are in group 0 or in its own group."""
    return (groups[:, None, :] == 0) | (groups[:, None, :] == groups[:, :, None])
