"""Build the prompt: plain text, the same for every base model, in training and evaluation."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INSTRUCTION = "Read the abstract and answer the question"
# The largest number of tokens of an answer, in training and evaluation.
MAX_ANSWER_TOKENS = 64


def build_prompt(instruction: str, context: str, question: str) -> str:
    """Return the prompt. It ends without a space, since the completion begins with one."""
    return f"{instruction}.\n\nAbstract: {context}\n\nQuestion: {question}\n\nAnswer:"


def build_completion(answer: str) -> str:
    """Return the completion of the prompt. With the leading space, BPE has one token for a common first word."""
    return f" {answer}"


def fit_prompt(
    tokenizer: "PreTrainedTokenizerBase", instruction: str, context: str, question: str, max_tokens: int
) -> str:
    """Return the prompt in at most `max_tokens` tokens; the end of an abstract that is too long is cut off.

    The question is never cut. If it leaves no room for the abstract, the prompt exceeds the limit.
    """
    prompt = build_prompt(instruction, context, question)
    if len(tokenizer(prompt)["input_ids"]) <= max_tokens:
        return prompt
    # One token is reserved: the cut abstract may have one token more than its part of the whole text.
    room = max_tokens - len(tokenizer(build_prompt(instruction, "", question))["input_ids"]) - 1
    ends = [end for _, end in tokenizer(context, return_offsets_mapping=True)["offset_mapping"]]
    kept = context[: ends[room - 1]] if room > 0 else ""
    return build_prompt(instruction, kept, question)
