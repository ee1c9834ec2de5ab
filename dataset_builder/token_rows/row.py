"""Put several prompts on one abstract into one row of tokens, which has the abstract only once.

The tokens that the prompts have in common come once, then the rest of each prompt with its completions. Such a part
sees the common tokens and itself, but not the other parts, and its positions continue from the common tokens. In the
same way, a completion sees its prompt and itself, but not the other completions of the prompt. So a model computes for
each completion what it computes for the prompt and that completion by themselves.
"""

from collections.abc import Sequence
from typing import TypedDict

NO_LOSS = -100  # torch's cross entropy and TRL ignore this label


class TokenizedRow(TypedDict):
    """A row with one completion of each prompt. All lists have the same length.

    `labels` are the tokens of the completions, and -100 elsewhere. `parts` is 0 for the common tokens and 1, 2, ...
    for the prompts. `pairs` is the number of prompts.
    """

    input_ids: list[int]
    labels: list[int]
    position_ids: list[int]
    parts: list[int]
    pairs: int


class TreeRow(TokenizedRow):
    """A row with several completions of each prompt.

    `branches` is 1, 2, ... for the completions of a prompt, and 0 for the tokens that they share.
    """

    branches: list[int]


def shared_length(prompts: Sequence[list[int]]) -> int:
    """Return how many tokens the prompts of one paper have in common; at least one token of each is not shared."""
    shortest = min(map(len, prompts)) - 1
    columns = enumerate(zip(*(prompt[:shortest] for prompt in prompts), strict=True))
    return next((column for column, tokens in columns if len(set(tokens)) > 1), shortest)


def tree_row(prompts: Sequence[list[int]], completions: Sequence[Sequence[list[int]]]) -> TreeRow:
    """Return the row of `prompts`, given as token ids, each with its completions.

    Each completion follows a copy of the last token of its prompt, which predicts its first token.
    """
    # Compare tokens, not text: a tokenizer may join characters across the end of the abstract.
    common = shared_length(prompts)
    row = TreeRow(
        input_ids=prompts[0][:common],
        labels=[NO_LOSS] * common,
        position_ids=list(range(common)),
        parts=[0] * common,
        pairs=len(prompts),
        branches=[0] * common,
    )

    def extend(ids: list[int], labels: list[int], start: int, part: int, branch: int) -> None:
        row["input_ids"] += ids
        row["labels"] += labels
        row["position_ids"] += range(start, start + len(ids))
        row["parts"] += [part] * len(ids)
        row["branches"] += [branch] * len(ids)

    for part, (prompt, own_completions) in enumerate(zip(prompts, completions, strict=True), start=1):
        last = len(prompt) - 1
        extend(prompt[common:last], [NO_LOSS] * (last - common), common, part, branch=0)
        for branch, completion in enumerate(own_completions, start=1):
            extend([prompt[last], *completion], [NO_LOSS, *completion], last, part, branch)
    return row


def token_row(prompts: Sequence[list[int]], completions: Sequence[list[int]]) -> TokenizedRow:
    """Return the row of `prompts`, given as token ids, each with its one completion."""
    tree = tree_row(prompts, [[completion] for completion in completions])
    return TokenizedRow(
        input_ids=tree["input_ids"],
        labels=tree["labels"],
        position_ids=tree["position_ids"],
        parts=tree["parts"],
        pairs=tree["pairs"],
    )
