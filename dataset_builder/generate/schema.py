"""Define the format of a response, a JSON list of question-answer pairs: its schema and its parser."""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from dataset_builder.teachers.teacher import Limits, Teacher

# A question and its answer.
Pair = tuple[str, str]

LIST_OF_OBJECTS = re.compile(r"\[\s*\{")
SURROGATE = re.compile("[\ud800-\udfff]")


class ParseError(ValueError):
    """A response that is not the list of pairs that the prompt asked for. The message is a reason for a report."""


def response_schema(limits: Limits) -> dict[str, Any]:
    """Return the JSON schema of a response."""
    return {
        "type": "array",
        "minItems": limits.least_pairs,
        "maxItems": limits.most_pairs,
        "items": {
            "type": "object",
            "properties": {
                # A question has one question mark, at its end. The pattern sets the length, since llguidance refuses
                # a pattern beside a maxLength. The pattern excludes the characters that JSON escapes: llama.cpp
                # applies it to the JSON text, where they would end the string or make it invalid.
                "question": {
                    "type": "string",
                    "pattern": rf'^[^?"\\\x00-\x1f]{{1,{limits.question_characters - 1}}}\?$',
                },
                "answer": {"type": "string", "minLength": 1, "maxLength": limits.answer_characters},
            },
            "required": ["question", "answer"],
            "additionalProperties": False,
        },
    }


def response_format(limits: Limits) -> dict[str, Any]:
    """Return the response_format that constrains a server to the schema, as OpenAI, vLLM and llama.cpp read it.

    The list is inside an object, since OpenAI accepts no other schema
    (https://platform.openai.com/docs/guides/structured-outputs, "Root objects"). TGI reads another format, with the
    schema under "value" (huggingface/text-generation-inference, pull request 3276).
    """
    schema = {
        "type": "object",
        "properties": {"pairs": response_schema(limits)},
        "required": ["pairs"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "pairs", "schema": schema, "strict": True}}


def parse_response(text: str, limits: Limits, examples: Collection[Pair] = ()) -> list[Pair]:
    """Return the questions and answers of a response as the teacher wrote them, from the first list of pairs.

    Text around the list is ignored, since not every server constrains its model to the schema, and so is the object
    that contains the list. A list of nothing but `examples`, the pairs of the prompt, is ignored, too: some models
    repeat the prompt. The checks look at the lengths of the texts. Raises `ParseError` for a response without such a
    list, and for too few or too many pairs.
    """
    pairs = next((pairs for pairs in _pair_lists(text) if not set(pairs) <= set(examples)), None)
    if pairs is None:
        raise ParseError("no JSON list of questions and answers")
    if not limits.least_pairs <= len(pairs) <= limits.most_pairs:
        raise ParseError(f"a list of {len(pairs)}, not of {limits.least_pairs} to {limits.most_pairs}, pairs")
    return pairs


def can_parse(text: str, limits: Limits, examples: Collection[Pair] = ()) -> bool:
    """Return whether `parse_response` accepts the text."""
    try:
        parse_response(text, limits, examples)
    except ParseError:
        return False
    return True


def example_pairs(teacher: Teacher) -> frozenset[Pair]:
    """Return the pairs that the teacher's prompt shows as an example of the format."""
    return frozenset(pair for pairs in _pair_lists(teacher.render_prompt("a title", "an abstract")) for pair in pairs)


def _pair_lists(text: str) -> Iterator[list[Pair]]:
    decoder = json.JSONDecoder()
    for opening in LIST_OF_OBJECTS.finditer(text):
        try:
            value, _ = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):  # ValueError: invalid JSON, or a number of more than 4,300 digits
            continue
        if all(_is_pair(item) for item in value):
            yield [(item["question"], item["answer"]) for item in value]


def _is_pair(item: Any) -> bool:
    """Return whether `item` is an object with both texts; half of a surrogate pair is not a text in UTF-8."""
    texts = [item.get("question"), item.get("answer")] if isinstance(item, dict) else [None]
    return all(isinstance(text, str) and not SURROGATE.search(text) for text in texts)
