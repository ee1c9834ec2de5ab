"""Reword an answer by rules that keep its meaning."""

import random
import re
from collections.abc import Callable

from dataset_builder.verification.errors.material import match_case, replace_span, within_sentence

# Words with others that mean the same in the sentences of answers.
SYNONYMS = {
    **{"about": "approximately", "approximately": "about", "allows": "permits", "permits": "allows"},
    **{"because": "since", "begins": "starts", "big": "large", "bigger": "larger", "compared to": "compared with"},
    **{"compared with": "relative to", "demonstrates": "shows", "employs": "uses", "entire": "whole"},
    **{"existing": "current", "fast": "quick", "faster": "quicker", "frequently": "often", "however": "nevertheless"},
    **{"increases": "raises", "large": "big", "larger": "bigger", "lowered": "reduced", "lowering": "reducing"},
    **{
        "lowers": "reduces",
        "needed": "required",
        "needs": "requires",
        "nevertheless": "however",
        "often": "frequently",
    },
    **{"previous": "earlier", "prior": "earlier", "proposes": "suggests", "quicker": "faster", "raises": "increases"},
    **{"raising": "increasing", "reduced": "lowered", "reduces": "lowers", "reducing": "lowering"},
    **{"relative to": "compared to", "required": "needed", "requires": "needs", "several": "a number of"},
    **{"shown": "demonstrated", "shows": "demonstrates", "since": "because", "such as": "like", "therefore": "thus"},
    **{"thus": "therefore", "typically": "usually", "uses": "employs", "usually": "typically", "whereas": "while"},
    **{"whole": "entire"},
}
# What must not follow a word: it has another sense there.
OTHER_SENSE = {
    "about": re.compile(r"(?!\s+[\d\u20ac$])"),
    "because": re.compile(r"\s+of\b"),
    "increases": re.compile(r"\s+(?:in|of)\b"),
    "needs": re.compile(r"\s+(?:of|for|to)\b"),
    "since": re.compile(r"\s+(?:\d|then\b|the\b)"),
    "uses": re.compile(r"\s+(?:of|for)\b"),
}
SYNONYM = re.compile(
    rf"(?<![\w-])(?:{'|'.join(map(re.escape, sorted(SYNONYMS, key=len, reverse=True)))})(?![\w-])", re.IGNORECASE
)
BECAUSE = re.compile(r"(?P<effect>[^,;:.]{12,}),? because (?P<cause>[^,;:]{12,}?)\.$")
MEANS = re.compile(r"By (?P<means>\w+ing [^,;:.]+), (?P<effect>[^;:]{12,}?)\.$")
LEADING = re.compile(r"(?P<effect>[A-Z][^,;:.]{12,}?) on average\.$")
NAMES = re.compile(r"(?<![\w-])([A-Z][\w-]*[A-Z0-9]\w*) (and|or) ([A-Z][\w-]*[A-Z0-9]\w*)(?![\w-])(?! respectively)")
COMPARATIVE = r"(?= (?:as|faster|slower|more|fewer|less|higher|lower|better|worse|larger|smaller|longer|shorter)\b)"


def reword(answer: str, choice: random.Random) -> str:
    """Return the answer in other words: each rule that applies is used with a probability of one half, at least one.

    Return the answer unchanged if no rule applies.
    """
    usable = [rule for rule in RULES if rule(answer) != answer]
    chosen = [rule for rule in usable if choice.random() < 0.5] or ([choice.choice(usable)] if usable else [])
    for rule in chosen:
        answer = rule(answer)
    return answer


def replace_synonyms(answer: str) -> str:
    """Return the answer with synonyms for some of its words."""

    def synonym(match: re.Match[str]) -> str:
        word = match[0].lower()
        guard = OTHER_SENSE.get(word)
        if guard and guard.match(answer, match.end()):
            return match[0]
        return match_case(SYNONYMS[word], match[0])

    return SYNONYM.sub(synonym, answer)


def spell_percent(answer: str) -> str:
    """Return the answer with "percent" for "%", or the reverse."""
    if "%" in answer:
        return re.sub(r"(?<=\d)\s?%", " percent", answer)
    return re.sub(r"(?<=\d) percent\b", "%", answer)


def spell_times(answer: str) -> str:
    """Return the answer with "times" for the signs of multiplication before a comparison, or the reverse."""
    spelled = re.sub(rf"(?<=\d)\s?[xX\u00d7]{COMPARATIVE}", " times", answer)
    return spelled if spelled != answer else re.sub(rf"(?<=\d) times{COMPARATIVE}", "\u00d7", answer)


def move_cause(answer: str) -> str:
    """Return "Because CAUSE, EFFECT." for "EFFECT because CAUSE."."""
    match = BECAUSE.fullmatch(answer)
    return f"Because {match['cause']}, {within_sentence(match['effect'])}." if match else answer


def move_means(answer: str) -> str:
    """Return "EFFECT by DOING." for "By DOING, EFFECT."."""
    match = MEANS.fullmatch(answer)
    return f"{match_case(match['effect'], 'A')} by {match['means']}." if match else answer


def move_average(answer: str) -> str:
    """Return "On average, STATEMENT." for "STATEMENT on average."."""
    match = LEADING.fullmatch(answer)
    return f"On average, {within_sentence(match['effect'])}." if match else answer


def exchange_listed_names(answer: str) -> str:
    """Return the answer with two names joined by "and" or "or" in the other order."""
    match = NAMES.search(answer)
    if match is None or re.search(r"\b(?:respectively|from|between|first|former|latter)\b", answer):
        return answer
    return replace_span(answer, *match.span(), f"{match[3]} {match[2]} {match[1]}")


RULES: tuple[Callable[[str], str], ...] = (
    move_cause,
    move_means,
    move_average,
    exchange_listed_names,
    spell_percent,
    spell_times,
    replace_synonyms,
)
