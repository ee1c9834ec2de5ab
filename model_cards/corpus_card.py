"""The card of the corpus."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dataset_builder.loading import load_corpus_split
from dataset_builder.splits import FIRST_TEST_YEAR, SPLITS
from eval.comparison import as_markdown

TEMPLATE = Path(__file__).parent / "templates" / "corpus.md.j2"
TEACHERS_TEMPLATE = TEMPLATE.with_name("teachers.md.j2")


def corpus_card(dataset: Path, report: dict[str, Any], shared: dict[str, Any]) -> str:
    """Return the card of the corpus in the folder `dataset`, with the metadata that its build wrote.

    `report` is its report.json; `shared` is as for `model_card`.
    """
    from huggingface_hub import DatasetCard

    card = DatasetCard.from_template(
        DatasetCard.load(dataset / "README.md").data,
        template_path=str(TEMPLATE),
        report=report,
        configs=", ".join(f"`{name}`" for name in report["test_teachers"]),
        first_test_year=FIRST_TEST_YEAR,
        counts=_counts_table(report),
        overlap=_overlap_table(report),
        papers_in_two_splits=sum(report["papers_in_two_splits"].values()),
        dropped=_dropped_text(report),
        teachers=teachers_section(report["teachers"]),
        example=load_corpus_split(str(dataset), None, "train")[0],
        **shared,
    )
    return f"{str(card).rstrip()}\n"


def teachers_section(teachers: dict[str, dict[str, Any] | None]) -> str:
    """Return the section on how the pairs were written, from the manifest of each teacher, or None where it has none.

    It is a template of its own, rendered here, since the library that renders the card's cannot include another.
    """
    from jinja2 import Environment, StrictUndefined

    template = Environment(undefined=StrictUndefined).from_string(TEACHERS_TEMPLATE.read_text(encoding="utf-8"))
    return re.sub(r"\n{3,}", "\n\n", template.render(teachers=teachers)).strip()


def _counts_table(report: dict[str, Any]) -> str:
    rows = [
        [f"`{name}`", *(f"{config[split]['papers']} / {config[split]['pairs']}" for split in SPLITS)]
        for name, config in report["configs"].items()
    ]
    return as_markdown(["config, papers / pairs", *SPLITS], rows)


def _overlap_table(report: dict[str, Any]) -> str:
    rows = [
        [f"`{name}`, {what}", str(of["texts"]), str(of["texts_sharing_a_run"]), f"{of['share_of_runs']:.3%}"]
        for name, config in report["overlap_of_test_with_train"].items()
        for what, of in config.items()
    ]
    return as_markdown(["test text", "texts", "that share a run", "share of all runs"], rows)


def _dropped_text(report: dict[str, Any]) -> str:
    lines = [
        f"- {count} pairs of `{teacher}`, read for {role}: {reason}"
        for role, by_teacher in (
            ("training", {report["train_teacher"]: report["dropped"]["train"]}),
            ("test", report["dropped"]["test"]),
        )
        for teacher, reasons in by_teacher.items()
        for reason, count in reasons.items()
    ]
    return "\n".join(lines) or "No pair was left out."
