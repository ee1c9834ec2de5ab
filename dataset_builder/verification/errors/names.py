"""Make errors in the names of an answer: a name of the abstract in a wrong role."""

import re
from itertools import combinations

from dataset_builder.grounding.names import mentioned_names
from dataset_builder.verification.errors.material import Material, replace_span

# Two names of a list or a slash: exchanging them may leave the sense as it was.
LISTED = re.compile(r"[\s\w-]{0,12}(?:,|\band|\bor|\bwith|/)\s*(?:an?|the)?\s*", re.IGNORECASE)


def exchanged_names(material: Material) -> list[str]:
    """Return the answer with a name in a wrong role.

    Two names of the answer are exchanged, or a name of the abstract that neither question nor answer has replaces one
    that the question does not have.
    """
    answer = material.answer
    found = _places(answer, mentioned_names(answer))
    wrong = []
    for (first, start), (second, second_start) in combinations(found, 2):
        between = (start + len(first), second_start)
        if first.lower() != second.lower() and between[0] <= between[1] and not LISTED.fullmatch(answer, *between):
            exchanged = replace_span(answer, second_start, second_start + len(second), first)
            wrong.append(replace_span(exchanged, start, start + len(first), second))
    asked = set(mentioned_names(material.question))
    present = {name.lower().removesuffix("s") for name in (*asked, *mentioned_names(answer))}
    others = [
        name
        for name, _ in _places(material.context, dict.fromkeys(mentioned_names(material.context)))
        if name.lower().removesuffix("s") not in present
    ]
    return wrong + [
        replace_span(answer, start, start + len(name), other)
        for name, start in found
        if name not in asked
        for other in others
        if other.endswith("s") == name.endswith("s")
    ]


def _places(text: str, names: list[str] | dict[str, None]) -> list[tuple[str, int]]:
    """Return each name with its first place in `text`, sorted by place; names in other letters are left out."""
    places = {}
    for name in dict.fromkeys(names):
        # The name after a number is a unit.
        match = re.search(rf"(?<![\w-])(?<!\d )(?<!\d-){re.escape(name)}(?![\w-])", text)
        if match:
            places[name] = match.start()
    return sorted(places.items(), key=lambda place: place[1])
