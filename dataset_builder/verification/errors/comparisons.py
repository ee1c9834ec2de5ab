"""Make errors in comparisons: the unit, the statistic, the baseline, or the direction is another one."""

import re

from dataset_builder.text import words
from dataset_builder.verification.errors.material import Material, match_case, overlap, replace_span, replace_words

PERCENT = re.compile(r"(\d)(?:\s?%|\spercent\b)")
TIMES = re.compile(r"(\d)\s?(?:[xX\u00d7](?!\w)|times\b)")

STATISTICS = {
    "on average": "at most",
    "an average of": "a maximum of",
    "average": "maximum",
    "geometric mean": "maximum",
    "maximum": "average",
    "peak": "average",
    "up to": "at least",
    "as much as": "at least",
    "at most": "on average",
    "at least": "at most",
}
# "More than" is a statistic before a number only.
MORE_THAN_NUMBER = re.compile(r"more than(?=\s\d)", re.IGNORECASE)

# Only after these does "over" compare: "takes over" and "over a network" do not.
_GAINS = ("%", "x", "X", "\u00d7", "speedup", "speedups", "average", "improvement", "gain", "gains", "advantage")
_OVER = "|".join(f"(?<={gain} )over" for gain in _GAINS)
COMPARED = rf"(?:compared (?:to|with)|relative to|in comparison (?:to|with)|versus|than|against|{_OVER})"
# What a result is compared with: up to seven words, to the next punctuation or preposition.
_NEXT = "and while with by on in for at which that from as when but without across under to using is are has"
END = rf"(?=\s+(?:{_NEXT.replace(' ', '|')})\b|[,;:.()]|$)"
BASELINE = re.compile(rf"\b{COMPARED}\s+((?!\d)[\w+/.-]*\w(?:\s(?!\d)[\w+/.-]*\w){{0,6}}?){END}", re.IGNORECASE)
_NO_BASELINE = "all average both each half more once one other that these this those time two what when"
NO_BASELINE = frozenset(_NO_BASELINE.split())

_PAIRS = (
    *(("increase", "decrease"), ("increases", "decreases"), ("increased", "decreased"), ("increasing", "decreasing")),
    *(("raises", "lowers"), ("raise", "lower"), ("raised", "lowered"), ("higher", "lower"), ("faster", "slower")),
    *(("improves", "worsens"), ("improve", "worsen"), ("improved", "worsened"), ("improving", "worsening")),
    *(("larger", "smaller"), ("bigger", "smaller"), ("better", "worse"), ("longer", "shorter"), ("above", "below")),
    *(("speedup", "slowdown"), ("best", "worst"), ("before", "after"), ("stronger", "weaker"), ("earlier", "later")),
    *(("gains", "losses"), ("gain", "loss"), ("saves", "costs"), ("saving", "costing"), ("greater", "smaller")),
    *(("cheaper", "costlier"), ("deeper", "shallower"), ("wider", "narrower"), ("outperforms", "falls behind")),
    *(("upper", "lower"), ("high", "low"), ("large", "small"), ("fast", "slow"), ("strong", "weak")),
    *(("maximizes", "minimizes"), ("maximize", "minimize"), ("accelerates", "slows down"), ("ahead of", "behind")),
)
DIRECTIONS = {
    **{second: first for first, second in reversed(_PAIRS)},
    **dict(_PAIRS),
    **{"reduces": "increases", "reduce": "increase", "reduced": "increased", "reducing": "increasing"},
    **{"reduction": "increase", "cuts": "raises", "boosts": "reduces", "boost": "reduce", "drops": "rises"},
    **{"rises": "drops", "grows": "shrinks", "shrinks": "grows", "fewer": "more", "less": "more"},
    **{"faster than": "slower than", "twice": "half", "half": "twice"},
}
MORE = re.compile(r"(?<![\w-])(more)(?!-)(?:\s+(\w+))?", re.IGNORECASE)


def changed_units(material: Material) -> list[str]:
    """Return the answer with percent in place of times, or the reverse."""
    answer = material.answer
    percent = [replace_span(answer, *match.span(), f"{match[1]}\u00d7") for match in PERCENT.finditer(answer)]
    times = [replace_span(answer, *match.span(), f"{match[1]}%") for match in TIMES.finditer(answer)]
    return percent + times


def changed_statistics(material: Material) -> list[str]:
    """Return the answer with an average as a maximum, a least value as a largest one, and so on."""
    answer = material.answer
    more = [
        replace_span(answer, *match.span(), match_case("up to", match[0]))
        for match in MORE_THAN_NUMBER.finditer(answer)
    ]
    return replace_words(answer, STATISTICS) + more


def changed_baselines(material: Material) -> list[str]:
    """Return the answer with its baseline replaced by another one of the abstract or of the other answers."""
    sources = (material.context, *material.other_answers)
    others = list(dict.fromkeys(baseline for source in sources for baseline, _ in _baselines(source)))
    return [
        replace_span(material.answer, start, start + len(baseline), other)
        for baseline, start in _baselines(material.answer)
        for other in others
        if overlap(baseline, other) < 0.5 and overlap(other, material.answer) < 1
    ]


def changed_directions(material: Material) -> list[str]:
    """Return the answer with one word of direction turned into its opposite: more and fewer, faster and slower."""
    wrong = replace_words(material.answer, DIRECTIONS)
    for match in MORE.finditer(material.answer):
        following = match[2] or ""
        counted = following.endswith("s") and not following.endswith("ss")
        opposite = match_case("fewer" if counted else "less", match[1])
        wrong.append(replace_span(material.answer, *match.span(1), opposite))
    return wrong


def _baselines(text: str) -> list[tuple[str, int]]:
    return [
        (match[1], match.start(1))
        for match in BASELINE.finditer(text)
        if match[1] and words(match[1])[0] not in NO_BASELINE
    ]
