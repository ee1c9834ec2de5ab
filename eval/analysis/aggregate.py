"""Scores: the mean of each measure over the questions with its interval, and the differences between models."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from typing import Any

from eval.analysis.heuristics import Reference
from eval.analysis.statistics import Estimate, difference, estimate, holm
from eval.metrics.lexical import HEADLINE, SHARES, ends

# Asked for a number, before "how" and "what" are looked for alone.
KINDS = {
    "how much": r"how (?:many|much|far|fast|large|big|long|often|small|high|low)|(?:what|which) "
    r"(?:percentage|percent|fraction|factor|share|proportion|number|speedup)",
    "what": r"what",
    "how": r"how",
    "why": r"why",
    "which": r"which",
}
QUESTION_WORD = re.compile("|".join(rf"(?P<k{place}>\b(?:{words})\b)" for place, words in enumerate(KINDS.values())))
LENGTHS = 3

Measured = dict[str, list[float | None]]


def question_kind(question: str) -> str:
    """Return the kind of a question by the question word that comes first in it; "other" where there is none."""
    found = QUESTION_WORD.search(question.lower())
    return list(KINDS)[int(found.lastgroup[1:])] if found else "other"


def length_groups(references: list[str]) -> list[str]:
    """Return for each reference its group by words, "12-20 words", of three with about as many references each.

    References of one length stand in one group, so that there may be fewer groups.
    """
    words = [len(reference.split()) for reference in references]
    ranked = sorted(words)
    edges = sorted({ranked[len(ranked) * part // LENGTHS] for part in range(1, LENGTHS)} - {ranked[0]})
    names = {}
    for low, high in zip([ranked[0], *edges], [*edges, ranked[-1] + 1], strict=True):
        names.update(dict.fromkeys(range(low, high), f"{low} words" if high == low + 1 else f"{low}-{high - 1} words"))
    return [names[count] for count in words]


def score_all(
    rows: dict[str, list[dict[str, Any]]],
    measured: dict[str, dict[str, Measured]],
    references: dict[str, list[Reference]],
    of_heuristics: dict[str, dict[str, Measured]],
) -> dict[str, Any]:
    """Return the parts of scores.json that are made of measures: models, floors and ceilings, differences, agreement.

    By config, `measured` holds the measures by model, and `of_heuristics` those of each floor and ceiling by name.
    """
    others: dict[str, Any] = {}
    for config, of_config in references.items():
        for reference in of_config:
            entry = others.setdefault(reference.name, {"kind": reference.kind, "configs": {}})
            entry["configs"][config] = score(rows[config], of_heuristics[config][reference.name])
    names = next(iter(measured.values()))
    return {
        "models": {
            name: {config: score(rows[config], of_config[name]) for config, of_config in measured.items()}
            for name in names
        },
        "heuristics": others,
        "differences": {
            config: differences(
                rows[config],
                *({name: of[HEADLINE] for name, of in group[config].items()} for group in (measured, of_heuristics)),
            )
            for config in rows
        },
        "agreement": {config: agreement(of_config) for config, of_config in measured.items()},
    }


def score(rows: list[dict[str, Any]], measured: Measured) -> dict[str, Any]:
    """Return the entry of scores.json for one model on one config: of each measure the mean, its interval, its parts.

    Every mean is over the questions that the measure applies to; `n` counts them where they are not all, and for the
    whole entry questions, as `papers` counts the papers they are on.
    """
    answered = [place for place, value in enumerate(measured[HEADLINE]) if value is not None]
    entry: dict[str, Any] = {"n": len(answered), "papers": len({rows[place]["paper_id"] for place in answered})}
    groups = {
        "by_year": (sorted, [str(row["year"]) for row in rows]),
        "by_kind": (_in_order_of_kinds, [question_kind(row["question"]) for row in rows]),
        "by_length": (_by_number, length_groups([row["answer"] for row in rows])),
    }
    for measure, values in measured.items():
        whole = _estimate(measure, rows, values, range(len(rows)))
        if whole is None:
            continue
        entry[measure] = _as_json(whole, counts=whole.n != entry["n"])
        for name, (order, labels) in groups.items():
            entry[measure][name] = {}
            for label in order(set(labels)):
                places = [place for place, of in enumerate(labels) if of == label]
                part = _estimate(measure, rows, values, places)
                if part is not None:
                    entry[measure][name][label] = _as_json(part, counts=True)
    return entry


def differences(
    rows: list[dict[str, Any]], models: dict[str, list[float]], others: dict[str, list[float | None]]
) -> list[dict[str, Any]]:
    """Return the paired differences of the headline measure between models, and of each model from `others`.

    Each holds the two names, the mean of `first` less `second` on the questions that both answered, its interval, the
    permutation p and that p corrected for the number of differences returned.
    """
    pairs = [*combinations(models, 2), *((model, other) for model in models for other in others)]
    found = []
    for first, second in pairs:
        values = {**models, **others}
        places = [place for place, value in enumerate(values[second]) if value is not None]
        papers = [rows[place]["paper_id"] for place in places]
        of = difference(*([values[name][place] for place in places] for name in (first, second)), papers)
        found.append({"first": first, "second": second, **_as_json(of.estimate, counts=True), "p": round(of.p, 6)})
    for one, corrected in zip(found, holm([one["p"] for one in found]), strict=True):
        one["p_corrected"] = round(corrected, 6)
    return found


def agreement(measured: dict[str, Measured]) -> dict[str, Any]:
    """Return how far the measures agree, from what was `measured` of each model on one config.

    `spearman` holds by pair of measures the rank correlation over all models' answers, `order` by measure the models
    from the best down; the length ratio, of which more is not better, has no order.
    """
    from scipy.stats import spearmanr

    names = [name for name in next(iter(measured.values())) if name != "length_ratio"]
    values = {name: [value for of_model in measured.values() for value in of_model[name]] for name in names}
    spearman: dict[str, dict[str, float]] = {name: {} for name in names}
    for first, second in combinations(names, 2):
        both = [pair for pair in zip(values[first], values[second], strict=True) if None not in pair]
        one, other = [pair[0] for pair in both], [pair[1] for pair in both]
        # A rank correlation needs ranks: nothing is said of a measure that is the same for all.
        if len(set(one)) > 1 and len(set(other)) > 1:
            spearman[first][second] = spearman[second][first] = round(float(spearmanr(one, other).statistic), 4)

    def mean(model: str, measure: str) -> float:
        known = [value for value in measured[model][measure] if value is not None]
        return sum(known) / len(known) if known else float("-inf")

    order = {name: sorted(measured, key=lambda model, name=name: -mean(model, name)) for name in names}
    return {"spearman": spearman, "order": order}


def _estimate(
    measure: str, rows: list[dict[str, Any]], values: list[float | None], places: Iterable[int]
) -> Estimate | None:
    known = [place for place in places if values[place] is not None]
    if not known:
        return None
    papers = [rows[place]["paper_id"] for place in known]
    found = estimate([values[place] for place in known], papers, share=measure in SHARES)
    if found.low is None:
        return found
    lowest, highest = ends(measure)
    return replace(found, low=max(lowest, found.low), high=min(highest, found.high))


def _as_json(of: Estimate, counts: bool) -> dict[str, Any]:
    bounds = {} if of.low is None else {"low": round(of.low, 6), "high": round(of.high, 6)}
    return {**({"n": of.n, "papers": of.papers} if counts else {}), "mean": round(of.mean, 6), **bounds}


def _in_order_of_kinds(labels: set[str]) -> list[str]:
    return [kind for kind in [*KINDS, "other"] if kind in labels]


def _by_number(labels: set[str]) -> list[str]:
    return sorted(labels, key=lambda label: int(re.match(r"\d+", label).group()))
