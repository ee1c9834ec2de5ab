"""What a corpus holds: counts by year, split and teacher, what was left out, and how far test repeats train."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dataset_builder.corpus.contamination import overlap
from dataset_builder.corpus.papers import Paper
from dataset_builder.corpus.rows import normalised
from dataset_builder.corpus.splits import SPLITS

if TYPE_CHECKING:
    from datasets import DatasetDict
    from rich.table import Table

REPORT_FILE = "report.json"


def corpus_report(
    papers: list[Paper],
    configs: dict[str, DatasetDict],
    dropped: dict[str, dict[str, Counter[str]]],
    train_teacher: str,
) -> dict[str, Any]:
    """Return the report of a corpus as a value that JSON can hold.

    `configs` and `dropped` are by test teacher. The key "papers_in_two_splits" is computed from the finished rows and
    not from the rule that made them.
    """
    return {
        "train_teacher": train_teacher,
        "test_teachers": list(configs),
        "papers": {
            "read": len(papers),
            "with_abstract": sum(paper.abstract is not None for paper in papers),
            "by_year": _by_year(paper.year for paper in papers),
        },
        "dropped": {
            "train": dict(dropped[next(iter(configs))]["train"]),
            "test": {name: dict(dropped[name]["test"]) for name in configs},
        },
        **counts_of_rows(configs),
    }


def counts_of_rows(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the part of the report that the finished rows alone decide: columns by name, of each split and config."""
    return {
        "configs": {
            name: {split: split_counts(config[split]["year"], config[split]["paper_id"]) for split in SPLITS}
            for name, config in configs.items()
        },
        "papers_in_two_splits": {name: _papers_in_two_splits(config) for name, config in configs.items()},
        "questions_asked_of_several_papers": {
            name: {split: _questions_of_several_papers(config[split]) for split in SPLITS}
            for name, config in configs.items()
        },
        "overlap_of_test_with_train": {
            name: {
                "contexts": overlap(config["test"]["context"], config["train"]["context"]),
                "answers": overlap(config["test"]["answer"], config["train"]["answer"]),
            }
            for name, config in configs.items()
        },
    }


def counts_by_year(report: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heading and rows of the table of papers and pairs by year, split and teacher; the last row is the sum."""
    first = next(iter(report["configs"].values()))
    columns = [(f"{split}, {report['train_teacher']}", first[split]) for split in ("train", "validation")]
    columns += [(f"test, {name}", config["test"]) for name, config in report["configs"].items()]
    rows = []
    for year, count in report["papers"]["by_year"].items():
        cells = [column["by_year"].get(year) for _, column in columns]
        rows.append([year, str(count), *(f"{cell['papers']} / {cell['pairs']}" if cell else "" for cell in cells)])
    sums = [f"{column['papers']} / {column['pairs']}" for _, column in columns]
    rows.append(["all", str(report["papers"]["read"]), *sums])
    return ["year", "papers read", *(name for name, _ in columns)], rows


def report_table(report: dict[str, Any]) -> Table:
    """Return the table of papers and pairs by year, split and teacher for the terminal."""
    from rich.table import Table

    heading, rows = counts_by_year(report)
    table = Table(title="Papers / pairs", title_justify="left")
    for column in heading:
        table.add_column(column.replace(", ", "\n"), justify="left" if column == "year" else "right")
    for row in rows[:-1]:
        table.add_row(*row)
    table.add_section()
    table.add_row(*rows[-1])
    return table


def _by_year(years: Any) -> dict[str, int]:
    return {str(year): count for year, count in sorted(Counter(years).items())}


def split_counts(years: Iterable[int], paper_ids: Iterable[str]) -> dict[str, Any]:
    """Return how many papers and pairs a split has, in all and by year, from the columns of its rows."""
    years, paper_ids = list(years), list(paper_ids)
    papers_of_year: dict[int, set[str]] = {}
    for year, paper_id in zip(years, paper_ids, strict=True):
        papers_of_year.setdefault(year, set()).add(paper_id)
    return {
        "papers": len(set(paper_ids)),
        "pairs": len(years),
        "by_year": {
            year: {"papers": len(papers_of_year[int(year)]), "pairs": pairs} for year, pairs in _by_year(years).items()
        },
    }


def _papers_in_two_splits(config: Mapping[str, Any]) -> int:
    splits_of_paper = Counter(paper_id for split in SPLITS for paper_id in set(config[split]["paper_id"]))
    return sum(count > 1 for count in splits_of_paper.values())


def _questions_of_several_papers(split: Any) -> int:
    asked = Counter(normalised(question) for question in split["question"])
    return sum(count > 1 for count in asked.values())
