"""Damage the responses of a teacher at random: their texts, their pairs, and their JSON."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from dataset_builder.corpus.papers import Paper
from dataset_builder.teachers.teacher import read_teacher

TEACHER = read_teacher("gemma")
# A name and a number that no paper of the slice has.
FOREIGN_NAME, FOREIGN_NUMBER = "XyloQuartz", "86417"
ODD_VALUES = [None, True, 0, -1, 10**40, 1e308, "", " ", "?", "...", [], {}, [[]], {"question": "What?"}, "a" * 5000]
ODD_VALUES += ["\u4ec0\u4e48\u662f\u7f13\u5b58\uff1f", "What is it?", "\ud800", "\0"]
ODD_TEXTS = [
    "\0",
    "\x1b[31m",
    "\ufffd",
    "\u200b",
    "\u202e",
    "\ufeff",
    "<b>",
    "</p>",
    "<script>x</script>",
    "&amp;",
    "\u2028",
]
ODD_TEXTS += [
    " \u7f13\u5b58",
    " \u043a\u044d\u0448 ",
    "\\u0000",
    "\\ud83d",
    "\\",
    '"',
    "\n",
    "{{ title }}",
    " ...",
    "\u2026",
    "\ue000",
]
ODD_TEXTS += [
    f" {FOREIGN_NAME} ",
    f" {FOREIGN_NUMBER} ",
    " 99.5% ",
    " **bold** ",
    "\U0001f600",
    "\u0661\u0667",
    " 10^99 ",
]
ODD_RAW = [
    "[" * 3000,
    "[{" * 2000,
    '[{"question": ' * 400,
    "9" * 5000,
    "\\ud800",
    "\ud800",
    "\0",
    "null",
    "[]",
    "{}",
    "]",
    "}",
]
ODD_RAW += ["```json\n", "\n```", "// note\n", "NaN", "-Infinity", "1e999", "'", "\u201c", ",", ":", "<|end|>", "</s>"]
Pairs = list[dict[str, Any]]


def _edit_text(text: str, draw: random.Random) -> str:
    """Insert something odd, change a number or a word, break the end, or cut the text off."""
    at = draw.randrange(len(text) + 1)
    parts = text.split()
    match draw.randrange(8):
        case 0 | 1:
            return text[:at] + draw.choice(ODD_TEXTS) + text[at:]
        case 2:
            return re.sub(r"\d+", lambda match: str(int(match[0]) + draw.randint(1, 90)), text)
        case 3:
            return text[:at] + draw.choice(["", "...", "\u2026", "\u2026.", "-", "."])
        case 4 if parts:
            parts[draw.randrange(len(parts))] = draw.choice([FOREIGN_NAME, FOREIGN_NUMBER, "twelve", "half", "7K"])
            return " ".join(parts)
        case 5:
            return " ".join([text] * draw.choice((2, 30)))
        case 6:
            # Latin letters that look like Cyrillic ones.
            return text.translate(
                str.maketrans("aeopcxTHAK", "\u0430\u0435\u043e\u0440\u0441\u0445\u0422\u041d\u0410\u041a")
            )
        case _:
            return text.upper() if draw.random() < 0.5 else text.strip(".?")


def _edit_pairs(pairs: Pairs, others: Pairs, draw: random.Random) -> Any:
    """Change one of the pairs, or the list."""
    pair = draw.choice(pairs)
    key = draw.choice(("question", "answer"))
    match draw.randrange(11):
        case 0 | 1 | 2 | 3:
            pair[key] = _edit_text(pair[key], draw)
        case 4:
            pair[key] = draw.choice(ODD_VALUES)
        case 5:
            pair[draw.choice(("id", "answers", "Question"))] = pair.pop(key)
        case 6:
            pair["note"] = draw.choice(ODD_VALUES)
        case 7:
            pairs[:] = draw.choice(([pair], pairs * 2, [], [*pairs, pair], [*pairs, {}], [list(pairs)]))
        case 8:
            pairs[pairs.index(pair)] = dict(draw.choice(others))
        case 9:
            return {draw.choice(("pairs", "data")): pairs}
        case _:
            pair["question"], pair["answer"] = pair["answer"], pair["question"]
    return pairs


def _edit_raw(text: str, paper: Paper, draw: random.Random) -> str:
    """Cut, repeat or break the text of a response, or echo the prompt."""
    start = draw.randrange(len(text) + 1)
    end = start + draw.choice((1, 3, 30))
    prompt = TEACHER.render_prompt(paper.title, paper.abstract or "")
    example = '[{"question": "...", "answer": "..."}, {"question": "...", "answer": "..."}]'
    choices: list[str] = [
        text[:start],
        text[start:],
        text[:start] + text[end:],
        text[:end] + text[start:],
        text[:start] + draw.choice(ODD_RAW) + text[start:],
        text[:start] + chr(draw.choice((draw.randrange(0x110000), draw.randrange(256)))) + text[start + 1 :],
        prompt + text,
        f"{example}\n{text}",
        f"{paper.abstract} {text}",
        text * 2,
        text.replace('"', "'"),
        text.replace('"answer"', '"question"', 1),
        text.replace('"question": ', '"question": "First?", "question": ', 1),
        f"Sure! Here are the pairs:\n```json\n{text}\n```\nI hope this helps.",
    ]
    return draw.choice(choices)


def damaged_response(paper: Paper, pairs: Pairs, others: Pairs, draw: random.Random) -> str:
    """Return a good response after one to three changes."""
    value: Any = [dict(pair) for pair in pairs]
    for _ in range(draw.choice((0, 1, 1, 2))):
        if isinstance(value, list) and value and all(isinstance(pair, dict) for pair in value):
            try:
                value = _edit_pairs(value, others, draw)
            except (KeyError, TypeError, AttributeError):
                # The pair was changed before, and has no such text any more.
                break
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, 1)))
    if draw.random() < 0.4:
        text = _edit_raw(text, paper, draw)
    # The backends give texts in UTF-8.
    return text.encode("utf-8", "replace").decode()
