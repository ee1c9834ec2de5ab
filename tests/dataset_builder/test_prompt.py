"""The prompt and its limit."""

from __future__ import annotations

from pathlib import Path

from dataset_builder.prompt import build_prompt, fit_prompt


def test_prompt_as_it_stands() -> None:
    """The whole text: every published model was trained on this form."""
    assert build_prompt("Do it", "Caches are small.", "Why?") == (
        "Do it.\n\nAbstract: Caches are small.\n\nQuestion: Why?\n\nAnswer:"
    )


def test_long_abstract_is_cut_at_its_end_and_the_question_is_whole(tiny_base: Path) -> None:
    """The cut prompt fits, uses the room up to two tokens, and keeps what is not the abstract's end."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    context = " ".join(f"word{number}" for number in range(400))
    prompt = fit_prompt(tokenizer, "Do it", context, "Why is that?", max_tokens=120)
    assert 118 <= len(tokenizer(prompt)["input_ids"]) <= 120
    assert prompt.startswith("Do it.\n\nAbstract: word0 word1 ")
    assert prompt.endswith("\n\nQuestion: Why is that?\n\nAnswer:")


def test_prompt_that_fits_is_left_alone(tiny_base: Path) -> None:
    """A short abstract under a large limit."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    assert fit_prompt(tokenizer, "Do it", "Short.", "Why?", 200) == build_prompt("Do it", "Short.", "Why?")
