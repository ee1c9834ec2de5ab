"""The first rows as the trainer reads them, decoded, with the part that carries loss marked."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from training.data.tokenization import NO_LOSS

if TYPE_CHECKING:
    from rich.text import Text
    from transformers import PreTrainedTokenizerBase


def preview(row: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> Text:
    """Return the text of a row, what carries loss between >>> and <<<, each further question on a line of its own."""
    from rich.text import Text

    text = Text()
    tokens = zip(row["input_ids"], row["labels"], row["parts"], strict=True)
    for (part, carries), stretch in groupby(tokens, lambda token: (token[2], token[1] != NO_LOSS)):
        decoded = tokenizer.decode([token[0] for token in stretch])
        if part > 1 and not carries:
            text.append("\n")
        if carries:
            text.append(f" >>>{decoded}<<<", style="bold green")
        else:
            text.append(decoded, style="dim")
    return text


def print_preview(rows: list[dict[str, Any]], tokenizer: PreTrainedTokenizerBase) -> None:
    """Print the rows to standard error."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    for number, row in enumerate(rows, start=1):
        console.rule(f"row {number}: {row['pairs']} pairs, {len(row['input_ids'])} tokens, loss on >>>this<<<")
        console.print(preview(row, tokenizer), markup=False)
    console.rule()
