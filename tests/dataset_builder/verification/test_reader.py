"""What a verifier reads: question and answer whole, and the nearest sentences of the abstract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataset_builder.errors import InputError
from dataset_builder.verification.reader import AnswerReader, nearest_sentences

ABSTRACT = (
    "Caches lose lines to conflicts. Zebra turns off idle ways of large caches. "
    "It saves 40% of their power on average. The area grows by 2%. Other caches are slower."
)


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder: Path) -> Any:
    """Return the tiny encoder's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_encoder)


def test_nearest_sentences_share_rare_words_and_keep_their_order() -> None:
    """The word "caches" is in most sentences, and so counts little."""
    assert nearest_sentences(ABSTRACT, "How much power of caches is saved? By 40%.", 1) == [
        "It saves 40% of their power on average."
    ]
    assert nearest_sentences(ABSTRACT, "The area grows by 2%, and idle ways are off.", 2) == [
        "Zebra turns off idle ways of large caches.",
        "The area grows by 2%.",
    ]
    assert nearest_sentences("One sentence.", "Another", 3) == ["One sentence."]


def test_answer_is_read_with_its_question(tokenizer: Any) -> None:
    """The question comes first, and the columns of the answer's tokens are known."""
    question, answer = "How much is saved?", "40% of the power."
    read = AnswerReader(tokenizer, 192, 2).read(ABSTRACT, question, answer)
    ids = read.inputs["input_ids"]
    first, second, third = tokenizer.decode(ids).split("[SEP]")[:3]
    assert (first, second) == ("[CLS] how much is saved? ", " 40 % of the power. ")
    assert "it saves 40 % of their power" in third
    assert len({len(values) for values in read.inputs.values()}) == 1
    assert tokenizer.decode([ids[column] for column in read.places]) == "40 % of the power."
    words = "".join(answer[start:end] for start, end in read.places.values())
    assert words == answer.replace(" ", "")


def test_long_sentence_loses_its_end(tokenizer: Any) -> None:
    """Question and answer stay whole; without room for them there is an error."""
    read = AnswerReader(tokenizer, 40, 3).read(ABSTRACT * 9, "How much?", "By 40%.")
    assert len(read.inputs["input_ids"]) == 40
    assert tokenizer.decode(read.inputs["input_ids"]).startswith("[CLS] how much? [SEP] by 40 %. [SEP] ")
    with pytest.raises(InputError, match=r"question 'How much\?': question and answer have \d+ tokens, and at most 4"):
        AnswerReader(tokenizer, 8, 3).read(ABSTRACT, "How much?", "By 40%.")
