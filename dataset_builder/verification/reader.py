"""Turn an abstract, a question and an answer into what a verifier reads: only the sentences that matter, one text."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.text import sentences, words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class ReadAnswer:
    """The inputs of an encoder for one answer.

    `inputs` has `input_ids` and what else the tokenizer makes, lists of the same length. The first token stands for
    the whole answer. `places` has the columns of the answer's tokens, each with its start and end in the answer.
    """

    inputs: Mapping[str, list[int]]
    places: dict[int, tuple[int, int]]


@dataclass(frozen=True)
class AnswerReader:
    """Reads answers for an encoder: question and answer first, then the nearest sentences of the abstract.

    An answer has at most `max_tokens` tokens together with its question and `sentences` sentences; if it has more, the
    last sentence loses its end.
    """

    tokenizer: "PreTrainedTokenizerBase"
    max_tokens: int
    sentences: int

    def fits(self, question: str, answer: str) -> bool:
        """Return whether question and answer leave room for a token of the abstract."""
        return self._own_tokens(question, answer) < self._room

    def read(self, context: str, question: str, answer: str) -> ReadAnswer:
        """Return the inputs; raises `InputError` if question and answer are too long without a sentence."""
        if not self.fits(question, answer):
            own = self._own_tokens(question, answer)
            raise InputError(
                f"question {question[:60]!r}: question and answer have {own} tokens, and at most {self._room - 1} "
                "fit; shorten the question or the answer"
            )
        beginning = self._beginning(question)
        encoded = self.tokenizer(
            beginning + answer,
            " ".join(nearest_sentences(context, f"{question} {answer}", self.sentences)),
            truncation="only_second",
            max_length=self.max_tokens,
            return_offsets_mapping=True,
        )
        offsets = encoded.pop("offset_mapping")
        before = len(beginning)
        places = {
            column: (start - before, end - before)
            for column, (part, (start, end)) in enumerate(zip(encoded.sequence_ids(), offsets, strict=True))
            if part == 0 and start >= before
        }
        return ReadAnswer(dict(encoded), places)

    @property
    def _room(self) -> int:
        return self.max_tokens - self.tokenizer.num_special_tokens_to_add(pair=True)

    def _own_tokens(self, question: str, answer: str) -> int:
        return len(self.tokenizer(self._beginning(question) + answer, add_special_tokens=False)["input_ids"])

    def _beginning(self, question: str) -> str:
        # The tokenizer reads its separator in a text as this token.
        return f"{question} {self.tokenizer.sep_token} "


def nearest_sentences(context: str, text: str, count: int) -> list[str]:
    """Return the `count` sentences of `context` that share most words with `text`, in the order of the abstract.

    A word counts the more, the fewer sentences of the abstract have it.
    """
    found = sentences(context)
    by_sentence = [set(words(sentence)) for sentence in found]
    having = Counter(word for own in by_sentence for word in own)
    asked = set(words(text))
    shared = [math.fsum(math.log1p(len(found) / having[word]) for word in own & asked) for own in by_sentence]
    nearest = sorted(range(len(found)), key=lambda number: -shared[number])[:count]
    return [found[number] for number in sorted(nearest)]
