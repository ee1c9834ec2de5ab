"""Test the text of each prompt, the choice of few-shot examples, and prompts that are too long."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.questions import CorpusQuestion, Question
from dataset_builder.errors import InputError
from eval.prompting import PLAIN, Answer, Prompt, PromptEncoder, PromptForm, choose_examples

QUESTION = Question("Do it", "Caches are small.", "Why?")
EXAMPLES = tuple(
    CorpusQuestion("Do it", f"Memory {name} is slow.", f"Is {name} slow?", f"{name} is.", f"10.1/{name}", 2020)
    for name in ("one", "two")
)
SHOTS = [
    "Do it.\n\nAbstract: Memory one is slow.\n\nQuestion: Is one slow?\n\nAnswer: one is.\n\n",
    "Do it.\n\nAbstract: Memory two is slow.\n\nQuestion: Is two slow?\n\nAnswer: two is.\n\n",
]
ASKED = "Do it.\n\nAbstract: Caches are small.\n\nQuestion: Why?\n\nAnswer:"


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Any:
    """Return the tiny model's tokenizer with a chat template."""
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tiny_base)
    loaded.chat_template = "User: {{ messages[0].content }}{% if add_generation_prompt %} Model:{% endif %}"
    return loaded


def text(tokenizer: Any, prompt: Prompt, max_tokens: int = 400) -> str:
    """Return the prompt of `QUESTION` as text."""
    return str(tokenizer.decode(PromptEncoder(tokenizer, prompt, max_tokens).encode(QUESTION).token_ids))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (PLAIN, ASKED),
        (
            Prompt("chat"),
            "User: Do it.\n\nAbstract: Caches are small.\n\nQuestion: Why?\n\nAnswer in one or two sentences. Model:",
        ),
        (Prompt("few-shot", EXAMPLES), "".join(SHOTS) + ASKED),
        (Prompt("closed-book"), "Do it.\n\nQuestion: Why?\n\nAnswer:"),
    ],
)
def test_text_of_each_prompt(tokenizer: Any, prompt: Prompt, expected: str) -> None:
    """The whole text that a model reads."""
    assert text(tokenizer, prompt) == expected


def test_only_examples_that_fit_are_used(tokenizer: Any) -> None:
    """Examples may take half of the tokens: of `first` tokens one example fits, of one token less none."""
    first = 2 * len(tokenizer(SHOTS[0])["input_ids"])
    assert text(tokenizer, Prompt("few-shot", EXAMPLES), first) == SHOTS[0] + ASKED
    with pytest.raises(InputError, match=f"no example fits into half of the {first - 1} tokens.*use prompt=plain"):
        PromptEncoder(tokenizer, Prompt("few-shot", EXAMPLES), first - 1)


@pytest.mark.parametrize("form", ["plain", "chat", "few-shot"])
def test_long_abstract_is_cut_at_its_end(tokenizer: Any, form: PromptForm) -> None:
    """The question and what follows it are whole, the prompt uses the room up to two tokens."""
    context = " ".join(f"word{number}" for number in range(400))
    encoder = PromptEncoder(tokenizer, Prompt(form, EXAMPLES if form == "few-shot" else ()), 200)
    prompt = encoder.encode(Question("Do it", context, "Why?"))
    assert prompt.is_cut and 198 <= len(prompt.token_ids) <= 200
    shown = tokenizer.decode(prompt.token_ids)
    assert "\n\nAbstract: word0 word1 " in shown and "\n\nQuestion: Why?\n\nAnswer" in shown


def test_few_shot_answer_ends_at_the_first_blank_line() -> None:
    """An untrained model continues with another question. Then the limit of tokens cuts no answer off."""
    generated = "\n\nCaches are.\n\nQuestion: Who?"
    assert Prompt("few-shot").read_answer(generated, at_limit=True) == Answer("Caches are.", is_cut=False)
    assert Prompt("few-shot").read_answer(" Caches", at_limit=True) == Answer("Caches", is_cut=True)
    assert PLAIN.read_answer(generated, at_limit=True) == Answer("Caches are.\n\nQuestion: Who?", is_cut=True)


def test_examples_are_chosen_by_hash_among_short_abstracts() -> None:
    """Of five papers the three shortest count; the order of the rows changes nothing."""
    questions = [
        CorpusQuestion("Do it", "x" * length, f"Question {number}?", "Yes.", f"10.1/{length}", 2020)
        for length in (10, 20, 30, 40, 50)
        for number in (1, 2)
    ]

    def digest(value: str) -> str:
        return hashlib.sha256(value.encode()).hexdigest()

    papers = sorted(("10.1/10", "10.1/20", "10.1/30"), key=digest)[:2]
    question = min(("Question 1?", "Question 2?"), key=digest)
    for given in (questions, questions[::-1]):
        assert [(one.paper_id, one.question) for one in choose_examples(given)] == [(one, question) for one in papers]
