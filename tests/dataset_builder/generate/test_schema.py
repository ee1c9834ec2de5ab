"""The format of a response: the parser, and the longest response."""

from __future__ import annotations

import json

import pytest

from dataset_builder.generate.schema import ParseError, can_parse, example_pairs, parse_response
from dataset_builder.teachers.teacher import Limits, read_teacher

LIMITS = Limits(
    least_pairs=2, most_pairs=3, question_characters=60, answer_characters=120, new_tokens=1000, attempts=2
)


# JSON can escape half of a surrogate pair, but no file in UTF-8 can hold it.
SURROGATE = r'{"question": "Why \ud800?", "answer": "So."}'


def test_first_list_of_pairs_is_read() -> None:
    """From the text around it, past other brackets."""
    pair = '{"question": " Why [x]? ", "answer": "So.", "note": 1}'
    text = f"Of [two] kinds, [1, 2]:\n```json\n[{pair}, {pair}]\n```\n[{pair}]"
    assert parse_response(text, LIMITS) == [(" Why [x]? ", "So.")] * 2
    assert parse_response(f'{{"pairs": [{pair}, {pair}]}}', LIMITS) == [(" Why [x]? ", "So.")] * 2


def test_copy_of_the_example_in_the_prompt_is_not_a_response() -> None:
    """Gemma's prompt shows a list of two pairs, which some models repeat before their own list, or more often."""
    example = '{"question": "...", "answer": "..."}'
    own = '[{"question": "Why?", "answer": "So."}, {"question": "How?", "answer": "Thus."}]'
    examples = example_pairs(read_teacher("gemma"))
    assert examples == {("...", "...")}
    assert parse_response(f"[{example}, {example}]\n{own}", LIMITS, examples) == [("Why?", "So."), ("How?", "Thus.")]
    assert not can_parse(f"[{example}, {example}, {example}]", LIMITS, examples)
    assert example_pairs(read_teacher("mistral")) == frozenset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON list"),
        ("[]", "no JSON list"),
        ('[{"question": "Why?", "answer": "So."}, {"question": "How?", "ans', "no JSON list"),
        ('[{"question": "Why?", "answer": 1}, {"question": "How?", "answer": "So."}]', "no JSON list"),
        ("[" * 100_000, "no JSON list"),
        (f'[{{"question": "Why?", "answer": {"9" * 5000}}}]', "no JSON list"),
        (f"[{', '.join([SURROGATE] * 2)}]", "no JSON list"),
        ('[{"question": "Why?", "answer": "So."}]', "a list of 1, not of 2 to 3, pairs"),
        (json.dumps([{"question": "Why?", "answer": "So."}] * 4), "a list of 4"),
    ],
)
def test_response_that_is_no_list_of_pairs(text: str, message: str) -> None:
    """Cut off, of another type, too few, too many, too deep, with a number or a character that cannot be read."""
    with pytest.raises(ParseError, match=message):
        parse_response(text, LIMITS)
