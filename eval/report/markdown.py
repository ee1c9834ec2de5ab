"""report.md: the scores with their intervals and differences, for the Hub and for reading without a browser."""

from __future__ import annotations

from typing import Any

from eval.analysis.statistics import FEW_PAPERS, FEWEST_PAPERS
from eval.metrics.lexical import HEADLINE, title
from eval.report.study import FOUND
from eval.report.tables import as_markdown, comparison, with_interval


def report_markdown(scores: dict[str, Any], metrics: dict[str, dict[str, Any]]) -> str:
    """Return the report on `scores` (the content of scores.json) and the runs' `metrics`, by model."""
    first = next(iter(scores["models"].values()))
    asked = ", ".join(f"{config}: {of['n']} questions on {of['papers']} papers" for config, of in first.items())
    parts = [
        "# Evaluation",
        f"Corpus `{scores['dataset']}`, revision `{scores['revision']}`. Test questions: {asked}. Similarity is the "
        f"cosine of sentence embeddings by `{scores['encoders'][0]}`, averaged over the questions. In "
        f"brackets the 95 % interval, by a bootstrap over papers. {how_answered(scores)} Floors and ceilings are "
        f"answers that need no model. {where_no_interval()}",
        *(f"**{warning}**" for warning in few_papers(scores)),
        as_markdown(*comparison(scores, metrics)),
        "What the study found that this project makes repeatable: GPT-2 small, one number each. Their level is not "
        "comparable with the above, their order is.",
        _study(),
        "![Similarity by year](figures/similarity_by_year.png)",
        *(part for config in first for part in _of_config(scores, config)),
    ]
    if metrics:
        parts.append("![Training loss](figures/training_loss.png)")
    parts.append("![Papers by year](figures/papers_by_year.png)")
    return "\n\n".join(parts) + "\n"


def how_answered(scores: dict[str, Any]) -> str:
    """Return a sentence or two on how the models' answers were decoded."""
    parts = ["Answers are greedy."]
    # Scores of before models had more than one way to answer say nothing of it.
    for name, source in scores.get("model_folders", {}).items():
        if of := source.get("consensus"):
            parts.append(
                f"Those of {name} are each the one of {of['samples']} samples, drawn at temperature "
                f"{of['temperature']:g}, that the first encoder finds nearest to all of them; "
                "that encoder measures similarity, too, so hold the gain against a second one and the other measures."
            )
    return " ".join(parts)


def few_papers(scores: dict[str, Any]) -> list[str]:
    """Return a warning for each config with too few papers for its intervals to be relied on."""
    first = next(iter(scores["models"].values()))
    return [
        f"Test by {config}: only {of['papers']} papers. Its intervals are wide, and a test sees large differences "
        f"alone; from {FEW_PAPERS} papers on this warning goes."
        for config, of in first.items()
        if of["papers"] < FEW_PAPERS
    ]


def where_no_interval() -> str:
    """Return the sentence on intervals that are wide or left out."""
    return (
        f"On fewer than {FEW_PAPERS} papers, which are marked “only”, intervals are wide. None is given on fewer than "
        f"{FEWEST_PAPERS}, nor where all papers but four or so have the same value."
    )


def group_label(name: str, group: dict[str, Any]) -> str:
    """Return the heading of a part of the questions: its name, how many they are, and whether papers are few."""
    few = f", only {group['papers']} {'papers' if group['papers'] > 1 else 'paper'}"
    questions = f"{group['n']} {'questions' if group['n'] > 1 else 'question'}"
    return f"{name} ({questions}{few if group['papers'] < FEW_PAPERS else ''})"


def _study() -> str:
    """Return what the study found, as a table."""
    names = list(next(iter(FOUND.values())))
    years = list(next(iter(FOUND.values()))[names[0]][1])
    return as_markdown(
        ["the study", *(head for teacher in FOUND for head in (f"test by {teacher}", *years))],
        [
            [
                name,
                *(
                    f"{value:.3f}"
                    for of_teacher in FOUND.values()
                    for value in (of_teacher[name][0], *of_teacher[name][1].values())
                ),
            ]
            for name in names
        ],
    )


def _of_config(scores: dict[str, Any], config: str) -> list[str]:
    models = {name: of_model[config] for name, of_model in scores["models"].items()}
    others = {
        f"{of['kind']}: {name}": of["configs"][config]
        for name, of in scores["heuristics"].items()
        if config in of["configs"]
    }
    first = next(iter(models.values()))
    measures = [name for name in first if name not in ("n", "papers")]
    parts = [
        f"## Test written by {config}",
        as_markdown(
            ["", *(title(measure) for measure in measures)],
            [
                [name, *(with_interval(of, measure) for measure in measures)]
                for name, of in {**models, **others}.items()
            ],
        ),
        "Differences in similarity, each question's answers compared in pairs; p by sign flips of whole papers, "
        f"corrected (Holm) for the {len(scores['differences'][config])} differences of this config:",
        as_markdown(
            ["", "difference", "p", "p, corrected"],
            [
                [
                    f"{of['first']} less {of['second']}",
                    with_interval({HEADLINE: of}),
                    f"{of['p']:.4f}",
                    f"{of['p_corrected']:.4f}",
                ]
                for of in scores["differences"][config]
            ],
        ),
    ]
    for heading, key in (("year", "by_year"), ("kind of question", "by_kind"), ("length of reference", "by_length")):
        groups = first[HEADLINE][key]
        parts.append(
            as_markdown(
                [f"similarity by {heading}", *(group_label(name, group) for name, group in groups.items())],
                [
                    [name, *(with_interval(of[HEADLINE][key], group) for group in groups)]
                    for name, of in {**models, **others}.items()
                ],
            )
        )
    return parts
