"""Show training rows as the trainer reads them, decoded, with the tokens marked that the loss is computed on."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from training.data.tokenization import NO_LOSS, TokenizedRow

if TYPE_CHECKING:
    from rich.text import Text
    from transformers import PreTrainedTokenizerBase


def preview(row: TokenizedRow, tokenizer: PreTrainedTokenizerBase) -> Text:
    """Return the text of a row: loss is computed between >>> and <<<, and each further question begins a line."""
    from rich.text import Text

    text = Text()
    tokens = zip(row["input_ids"], row["labels"], row["parts"], strict=True)
    for (part, has_loss), group in groupby(tokens, lambda token: (token[2], token[1] != NO_LOSS)):
        decoded = str(tokenizer.decode([token[0] for token in group]))
        if part > 1 and not has_loss:
            text.append("\n")
        if has_loss:
            text.append(f" >>>{decoded}<<<", style="bold green")
        else:
            text.append(decoded, style="dim")
    return text


def print_preview(rows: list[TokenizedRow], tokenizer: PreTrainedTokenizerBase) -> None:
    """Print the rows to standard error."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    for number, row in enumerate(rows, start=1):
        console.rule(f"row {number}: {row['pairs']} pairs, {len(row['input_ids'])} tokens, loss on >>>this<<<")
        console.print(preview(row, tokenizer), markup=False)
    console.rule()
