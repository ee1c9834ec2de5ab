"""The prompt: one plain text for every base model, in training and in evaluation alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INSTRUCTION = "Read the abstract and answer the question"
# Everywhere: the longest answer a model may give, in tokens. Answers end at the end-of-sequence token.
MAX_ANSWER_TOKENS = 64


def build_prompt(instruction: str, context: str, question: str) -> str:
    """Return the prompt that an answer follows. It ends without a space: the answer brings its own."""
    return f"{instruction}.\n\nAbstract: {context}\n\nQuestion: {question}\n\nAnswer:"


def build_completion(answer: str) -> str:
    """Return the text that follows the prompt. The leading space makes the first word a token of its own in BPE."""
    return f" {answer}"


def fit_prompt(
    tokenizer: PreTrainedTokenizerBase, instruction: str, context: str, question: str, max_tokens: int
) -> str:
    """Return the prompt in at most `max_tokens` tokens, with the end of the abstract cut off where it is too long.

    The question is never cut: where it leaves no room for the abstract, the prompt stays over the limit.
    """
    prompt = build_prompt(instruction, context, question)
    if len(tokenizer(prompt)["input_ids"]) <= max_tokens:
        return prompt
    # One token is kept back: cut loose from its text, the abstract may be split into one token more.
    room = max_tokens - len(tokenizer(build_prompt(instruction, "", question))["input_ids"]) - 1
    ends = [end for _, end in tokenizer(context, return_offsets_mapping=True)["offset_mapping"]]
    kept = context[: ends[room - 1]] if room > 0 else ""
    return build_prompt(instruction, kept, question)
