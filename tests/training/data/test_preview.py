"""The preview of training rows."""

from __future__ import annotations

from typing import Any

from training.data.preview import preview
from training.data.tokenization import TokenizedPair, rows_by_paper


def test_preview_marks_the_tokens_with_loss(tokenizer: Any) -> None:
    """Two questions on one abstract."""

    def ids(text: str) -> list[int]:
        return list(tokenizer(text)["input_ids"])

    pairs = [
        TokenizedPair("a", ids("The cache is small. Why?"), ids(" Area.")),
        TokenizedPair("a", ids("The cache is small. Since when?"), ids(" Ever.")),
    ]
    shown = preview(rows_by_paper(pairs)[0], tokenizer).plain
    assert shown == "The cache is small. Why? >>> Area.<<<\n Since when? >>> Ever.<<<"
