"""report.html: the whole evaluation in one file that opens from disk, with every question and answer to browse."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from eval.metrics.lexical import HEADLINE, title
from eval.report.markdown import few_papers, group_label, how_answered, where_no_interval
from eval.report.study import FOUND, MANNERS
from eval.report.tables import with_interval

TEMPLATES = Path(__file__).parent / "templates"
GROUPS = {"by_year": "By year of the paper", "by_kind": "By kind of question", "by_length": "By length of reference"}


def report_html(
    scores: dict[str, Any],
    metrics: dict[str, dict[str, Any]],
    rows: dict[str, list[dict[str, Any]]],
    answers: dict[str, dict[str, list[str]]],
    measured: dict[str, dict[str, dict[str, list[float | None]]]],
    papers_by_year: dict[str, int],
) -> str:
    """Return the report as one HTML page, without any address to load from.

    `rows` are the questions by config, `answers` the answers by model and config, `measured` the measures of each
    answer by config and model; `papers_by_year` counts the papers that the corpus was built from.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    configs = list(rows)
    models = list(scores["models"])
    return templates.get_template("report.html.j2").render(
        scores=scores,
        metrics=metrics,
        configs=[_config(scores, config) for config in configs],
        models=models,
        groups=GROUPS,
        headline=HEADLINE,
        title=title,
        warnings=few_papers(scores),
        where_no_interval=where_no_interval(),
        how_answered=how_answered(scores),
        losses=_losses(metrics),
        signed=_signed,
        study=FOUND,
        papers_by_year=papers_by_year,
        data=_as_script(
            {
                "models": models,
                "questions": [
                    question for config in configs for question in _questions(config, rows, answers, measured)
                ],
            }
        ),
    )


def _as_script(data: dict[str, Any]) -> str:
    """Return JSON that cannot end the script element it stands in, nor begin a comment there.

    The rule: https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements.
    """
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _questions(
    config: str, rows: dict[str, Any], answers: dict[str, Any], measured: dict[str, Any]
) -> list[dict[str, Any]]:
    return [
        {
            "config": config,
            "title": row.get("title") or row["paper_id"],
            "year": row["year"],
            "question": row["question"],
            "reference": row["answer"],
            "answers": [of_model[config][place] for of_model in answers.values()],
            "scores": [round(of_model[HEADLINE][place], 4) for of_model in measured[config].values()],
        }
        for place, row in enumerate(rows[config])
    ]


def _config(scores: dict[str, Any], config: str) -> dict[str, Any]:
    """Return what the page shows of one config: its rows with floors and ceilings, groups, differences, agreement."""
    models = {name: of_model[config] for name, of_model in scores["models"].items()}
    others = {
        name: (of["kind"], of["configs"][config])
        for name, of in scores["heuristics"].items()
        if config in of["configs"]
    }
    entries = [
        *(_row(name, kind, entry) for name, (kind, entry) in others.items() if kind == "floor"),
        *(_row(name, f"model m{place % 6}", entry) for place, (name, entry) in enumerate(models.items())),
        *(_row(name, kind, entry) for name, (kind, entry) in others.items() if kind == "ceiling"),
    ]
    ordered = {
        **{name: of for name, of in others.items() if of[0] == "floor"},
        **{name: ("model", entry) for name, entry in models.items()},
        **{name: of for name, of in others.items() if of[0] == "ceiling"},
    }
    study = next((teacher for teacher, ours in MANNERS.items() if config in ours), None)
    first = next(iter(models.values()))
    groups = {
        key: [
            {
                "label": group_label(label, first[HEADLINE][key][label]),
                "rows": [
                    {
                        **_row(name, f"model m{place % 6}", {HEADLINE: entry[HEADLINE][key][label]}),
                        "study": FOUND[study].get(name, (None, {}))[1].get(label) if study else None,
                    }
                    for place, (name, entry) in enumerate(models.items())
                ],
                # For the table: floors and ceilings too, some of which answer none of a group's questions.
                "texts": {name: with_interval(entry[HEADLINE][key], label) for name, (_, entry) in ordered.items()},
            }
            for label in first[HEADLINE][key]
        ]
        for key in GROUPS
    }
    for entry in entries:
        entry["study"] = FOUND[study].get(entry["name"], (None,))[0] if study else None
    # The bars of small groups may be wider than the axis, and are cut at its ends.
    means = [row["mean"] for parts in groups.values() for part in parts for row in part["rows"]]
    known = [row[key] for row in entries for key in ("low", "high", "mean", "study") if row[key] is not None]
    return {
        "name": config,
        "n": first["n"],
        "papers": first["papers"],
        "rows": entries,
        "study": study,
        "groups": groups,
        "domain": _domain([*known, *means]),
        "measures": [name for name in first if name not in ("n", "papers")],
        "entries": ordered,
        "differences": {(of["first"], of["second"]): of for of in scores["differences"][config]},
        "against": [*models, *others],
        "agreement": scores["agreement"][config],
    }


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}".replace("-", "\N{MINUS SIGN}")


def _row(name: str, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
    of = entry[HEADLINE]
    return {
        "name": name,
        "kind": kind,
        "mean": of["mean"],
        "low": of.get("low"),
        "high": of.get("high"),
        "text": with_interval(entry),
        "n": entry.get("n", of.get("n")),
    }


def _domain(values: list[float]) -> dict[str, Any]:
    """Return the ends of an axis that holds the values and no more than seven ticks on it."""
    step = next(step for step in (0.1, 0.2, 0.5) if (max(values) - min(values)) / step <= 5 or step == 0.5)
    low, high = math.floor(min(values) / step), math.ceil(max(values) / step)
    ticks = [round(place * step, 1) for place in range(low, max(high, low + 1) + 1)]
    return {"low": ticks[0], "high": ticks[-1], "ticks": ticks}


def _losses(metrics: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the curves of the training loss as points of a 640 by 220 drawing, and its axes; empty without any."""
    curves = {
        name: [(step["epoch"], step["loss"]) for step in measured["loss_by_step"]]
        for name, measured in metrics.items()
        if measured["loss_by_step"]
    }
    if not curves:
        return {}
    last = max(epoch for points in curves.values() for epoch, _ in points)
    highest = max(loss for points in curves.values() for _, loss in points)
    step = 0.5 if highest <= 4 else 1.0
    top = math.ceil(highest / step) * step
    return {
        "ticks": [(round(place * step, 1), 200 - 190 * place * step / top) for place in range(round(top / step) + 1)],
        "last": last,
        "curves": {
            name: " ".join(f"{40 + 590 * epoch / last:.1f},{200 - 190 * loss / top:.1f}" for epoch, loss in points)
            for name, points in curves.items()
        },
        "ends": {name: points[-1][1] for name, points in curves.items()},
    }
