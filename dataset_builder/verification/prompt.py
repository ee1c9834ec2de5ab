"""Build the verifier's prompt: plain text, the same for every base model, in training and in scoring."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.prompt import fit_context

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

YES, NO = " yes", " no"


def build_verification_prompt(context: str, question: str, answer: str) -> str:
    """Return the prompt. It ends without a space, since the verdict begins with one."""
    return build_beginning(context, question) + build_end(answer)


def build_beginning(context: str, question: str) -> str:
    """Return the part of the prompt that all answers to a question share."""
    return f"Abstract: {context}\n\nQuestion: {question}\n\nAnswer:"


def build_end(answer: str) -> str:
    """Return the rest of the prompt, from the answer on."""
    return f" {answer}\n\nSupported by the abstract:"


@dataclass(frozen=True)
class VerdictTokens:
    """The token ids of the verdict: the tokens that " yes" and " no" have in common, then one token for each."""

    common: list[int]
    yes: int
    no: int


def verdict_tokens(tokenizer: "PreTrainedTokenizerBase") -> VerdictTokens:
    """Return the tokens of the verdict; raises `InputError` if the tokenizer has the same tokens for both words."""
    yes, no = (tokenizer(word, add_special_tokens=False)["input_ids"] for word in (YES, NO))
    for number, (first, second) in enumerate(zip(yes, no, strict=False)):
        if first != second:
            return VerdictTokens(yes[:number], first, second)
    raise InputError(f"the tokenizer has the same tokens for {YES!r} and {NO!r}; choose another base model")


def encode_verification(
    tokenizer: "PreTrainedTokenizerBase", context: str, question: str, answer: str, max_tokens: int
) -> tuple[list[int], list[int]]:
    """Return the token ids of the beginning of the prompt, and of its end with the beginning of the verdict.

    With the verdict they have at most `max_tokens` tokens: an abstract that is too long loses its end. Raises
    `InputError` if question and answer are too long without an abstract.
    """
    verdict = verdict_tokens(tokenizer)
    # No special tokens: a beginning-of-sequence token would separate the answer from its question.
    end = [*tokenizer(build_end(answer), add_special_tokens=False)["input_ids"], *verdict.common]
    room = max_tokens - len(end) - 1

    def encode(kept: str) -> list[int]:
        ids: list[int] = tokenizer(build_beginning(kept, question))["input_ids"]
        return ids

    beginning = encode(fit_context(tokenizer, context, room, encode))
    if len(beginning) > room:
        raise InputError(
            f"question {question[:60]!r}: question and answer have more than {max_tokens} tokens without the "
            "abstract; shorten the answer"
        )
    return beginning, end
