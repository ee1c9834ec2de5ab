"""Put several prompts on one abstract into one row of tokens, which has the abstract only once.

The tokens that the prompts have in common come once, then the rest of each prompt with its completion. Such a part
sees the common tokens and itself, but not the other parts, and its positions continue from the common tokens. So a
model computes for each part what it computes for the prompt by itself.
"""

from collections.abc import Sequence
from typing import TypedDict

NO_LOSS = -100  # torch's cross entropy and TRL ignore this label


class TokenizedRow(TypedDict):
    """A row. All lists have the same length.

    `labels` are the tokens of the completions, and -100 elsewhere. `parts` is 0 for the common tokens and 1, 2, ...
    for the prompts. `pairs` is the number of prompts.
    """

    input_ids: list[int]
    labels: list[int]
    position_ids: list[int]
    parts: list[int]
    pairs: int


def shared_length(prompts: Sequence[list[int]]) -> int:
    """Return how many tokens the prompts of one paper have in common; at least one token of each is not shared."""
    shortest = min(map(len, prompts)) - 1
    columns = enumerate(zip(*(prompt[:shortest] for prompt in prompts), strict=True))
    return next((column for column, tokens in columns if len(set(tokens)) > 1), shortest)


def token_row(prompts: Sequence[list[int]], completions: Sequence[list[int]]) -> TokenizedRow:
    """Return the row of `prompts`, given as token ids, each with its completion."""
    # Compare tokens, not text: a tokenizer may join characters across the end of the abstract.
    common = shared_length(prompts)
    ids = prompts[0][:common]
    labels = [NO_LOSS] * common
    positions = list(range(common))
    parts = [0] * common
    for number, (prompt, completion) in enumerate(zip(prompts, completions, strict=True), start=1):
        rest = prompt[common:]
        length = len(rest) + len(completion)
        ids += rest + completion
        labels += [NO_LOSS] * len(rest) + completion
        positions += range(common, common + length)
        parts += [number] * length
    return TokenizedRow(input_ids=ids, labels=labels, position_ids=positions, parts=parts, pairs=len(prompts))
