"""The verifier's prompt and its scores, compared with the model's own probabilities of one prompt at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dataset_builder.errors import InputError
from dataset_builder.verification.prompt import build_verification_prompt, encode_verification, verdict_tokens
from dataset_builder.verification.verifier import Verifier
from tests.training.trainers import tiny_model

ABSTRACT = "Zebra turns off idle ways of large caches and saves 40% of their power on average."
OTHER = "Branches are predicted by a perceptron."


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Any:
    """Return the tiny base's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_base)


def test_verdict_is_the_first_token_in_which_the_words_differ(tokenizer: Any) -> None:
    """The tokens that " yes" and " no" have in common belong to the prompt."""
    verdict = verdict_tokens(tokenizer)
    assert " yes".startswith(tokenizer.decode([*verdict.common, verdict.yes]))
    assert " no".startswith(tokenizer.decode([*verdict.common, verdict.no]))
    assert verdict.yes != verdict.no


def test_tokenizer_without_these_words_is_refused() -> None:
    """Every word is the same unknown token."""

    def unknown(word: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [0]}

    with pytest.raises(InputError, match="the same tokens for ' yes' and ' no'"):
        verdict_tokens(unknown)  # type: ignore[arg-type]


def test_long_abstract_loses_its_end(tokenizer: Any) -> None:
    """Question and answer stay whole; without room for them there is an error."""
    beginning, end = encode_verification(tokenizer, ABSTRACT * 30, "How much?", "By 40%.", 120)
    ids = [*beginning, *end]
    text = tokenizer.decode(ids)
    assert len(ids) <= 119
    assert text.startswith("Abstract: Zebra turns off")
    assert "Question: How much?\n\nAnswer: By 40%." in text
    with pytest.raises(InputError, match=r"question 'How much\?': question and answer have more than 20 tokens"):
        encode_verification(tokenizer, ABSTRACT, "How much?", "By 40%.", 20)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_scores_are_those_of_each_prompt_by_itself(architecture: str, tokenizer: Any) -> None:
    """Twenty answers on one abstract, which take two rows, and one on another."""
    model = tiny_model(architecture).eval()
    items = [(ABSTRACT, "How much is saved?", f"It saves {number}%.") for number in range(20)]
    items.insert(7, (OTHER, "What is predicted?", "Branches."))
    verifier = Verifier(model, tokenizer, 512)
    scores: dict[int, float] = {}
    for batch in verifier.score_batches(items):
        scores |= batch
    verdict = verdict_tokens(tokenizer)
    assert scores.keys() == set(range(21))
    for number, item in enumerate(items):
        ids = [*tokenizer(build_verification_prompt(*item))["input_ids"], *verdict.common]
        with torch.inference_mode():
            logits = model(torch.tensor([ids])).logits[0, -1, [verdict.yes, verdict.no]]
        assert scores[number] == pytest.approx(logits.softmax(dim=0)[0].item(), abs=1e-5)
    assert len(set(scores.values())) > 1
    answers = [answer for context, _, answer in items if context == ABSTRACT]
    assert verifier.scores(ABSTRACT, ["How much is saved?"] * 20, answers) == pytest.approx(
        [score for number, score in sorted(scores.items()) if number != 7], abs=1e-5
    )


def test_empty_answer_has_no_support(tokenizer: Any) -> None:
    """The other answer keeps its place and its score."""
    verifier = Verifier(tiny_model("gpt2").eval(), tokenizer, 512)
    (alone,) = verifier.scores(ABSTRACT, ["How much is saved?"], ["It saves 40%."])
    assert alone > 0
    items = [(ABSTRACT, "How much is saved?", answer) for answer in (" ", "It saves 40%.")]
    assert verifier.score_all(items) == [0.0, pytest.approx(alone, abs=1e-5)]
