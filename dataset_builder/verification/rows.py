"""Put answers on one abstract into one row: the abstract once, then each question once, then each of its answers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataset_builder.token_rows.row import NO_LOSS, TreeRow, tree_row
from dataset_builder.verification.prompt import encode_verification

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def verification_row(
    items: Sequence[tuple[str, str, str]],
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int,
    verdicts: Sequence[int] | None = None,
) -> tuple[TreeRow, list[int]]:
    """Return the row of (abstract, question, answer), and the number of the item of each completion in it.

    A completion is an answer with the rest of the prompt. With `verdicts`, the token of each item, the verdict is its
    last token. No token has a label. Raises `InputError` as `encode_verification` does.
    """
    # By prompt, not by question: an abstract that is cut for a longer answer is another prompt.
    numbers: dict[tuple[int, ...], list[int]] = {}
    completions = []
    for number, item in enumerate(items):
        beginning, end = encode_verification(tokenizer, *item, max_tokens)
        numbers.setdefault(tuple(beginning), []).append(number)
        completions.append(end if verdicts is None else [*end, verdicts[number]])
    row = tree_row(
        [list(beginning) for beginning in numbers],
        [[completions[number] for number in own] for own in numbers.values()],
    )
    row["labels"] = [NO_LOSS] * len(row["labels"])
    return row, [number for own in numbers.values() for number in own]
