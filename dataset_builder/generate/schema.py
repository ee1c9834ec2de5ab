"""The shape of a response: a JSON list of question-answer pairs, as a schema, as a grammar, and as it is parsed."""

from __future__ import annotations

import json
import re
from typing import Any

from dataset_builder.teachers.teacher import Limits


class ParseError(ValueError):
    """A response that is not the list that was asked for. The message is a reason fit for a report."""


def response_schema(limits: Limits) -> dict[str, Any]:
    """Return the JSON schema of a response."""
    return {
        "type": "array",
        "minItems": limits.least_pairs,
        "maxItems": limits.most_pairs,
        "items": {
            "type": "object",
            "properties": {
                # A question ends in its one question mark. The length is in the pattern, for llguidance refuses a
                # pattern beside a maxLength. It leaves out what JSON escapes, for llama.cpp takes the pattern for one
                # of the JSON text, where such a character ends the string or makes it no JSON.
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


# How llguidance is to read the schema: no space between the parts, and of JSON's escapes the quotation mark alone, so
# that the longest response can be told in advance.
COMPACT = {
    "whitespace_flexible": False,
    "json_allowed_escapes": '"',
    "json_allow_general_unicode_escapes": False,
}


LIST_OF_OBJECTS = re.compile(r"\[\s*\{")


def parse_response(text: str, limits: Limits) -> list[tuple[str, str]]:
    """Return the questions and answers of a response as they stand, from the first list of pairs in `text`.

    What is around the list is passed over, the object that a server puts it into, and text: not every server holds its
    model to the schema. The lengths of the texts are for the checks. Raises `ParseError` where there is no such list.
    """
    decoder = json.JSONDecoder()
    for opening in LIST_OF_OBJECTS.finditer(text):
        try:
            found, _ = decoder.raw_decode(text, opening.start())
        except (json.JSONDecodeError, RecursionError):
            continue
        if _are_pairs(found):
            break
    else:
        raise ParseError("no JSON list of questions and answers")
    if not limits.least_pairs <= len(found) <= limits.most_pairs:
        raise ParseError(f"a list of {len(found)}, not of {limits.least_pairs} to {limits.most_pairs}, pairs")
    return [(pair["question"], pair["answer"]) for pair in found]


def parses(text: str, limits: Limits) -> bool:
    """Tell whether `parse_response` reads the text."""
    try:
        parse_response(text, limits)
    except ParseError:
        return False
    return True


def _are_pairs(value: list[Any]) -> bool:
    return all(
        isinstance(pair, dict) and isinstance(pair.get("question"), str) and isinstance(pair.get("answer"), str)
        for pair in value
    )
