"""Define report.json, the report of a corpus: counts by year, split and teacher, and the contamination of the test."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from dataset_builder.corpus.about import About
from dataset_builder.corpus.contamination import ConfigContamination, count_config_contamination
from dataset_builder.corpus.deduplicate import PaperText, find_copies
from dataset_builder.corpus.manifest import Manifest
from dataset_builder.corpus.papers import Paper
from dataset_builder.corpus.rows import CorpusRow, read_rows
from dataset_builder.corpus.split_files import CorpusFiles
from dataset_builder.corpus.splits import SPLITS, SplitRule
from dataset_builder.errors import InputError
from dataset_builder.files import read_json
from dataset_builder.formats import FileFormat, read_format
from dataset_builder.hub.changes import CARD_FILE
from dataset_builder.tables import Table

REPORT_FILE = "report.json"
REMEDY = "build the corpus with `python -m dataset_builder build`"
# The rows of one config, by split.
ConfigRows = Mapping[str, list[CorpusRow]]


class PaperCounts(FileFormat):
    """The papers that the build read: all, those with an abstract, and all by year, and by venue and year."""

    read: int
    with_abstract: int
    by_year: dict[str, int]
    by_venue: dict[str, dict[str, int]]


class CorpusYear(FileFormat):
    """The papers and pairs of one year in one split."""

    papers: int
    pairs: int


class SplitCounts(CorpusYear):
    """The papers and pairs of one split, in total and by year."""

    by_year: dict[str, CorpusYear]


class DroppedPairs(FileFormat):
    """The pairs that are in no split, by reason: the training teachers', and by config the test teacher's."""

    train: dict[str, int]
    test: dict[str, dict[str, int]]


class RowCounts(FileFormat):
    """The part of the report that is counted from the finished rows, by config."""

    configs: dict[str, dict[str, SplitCounts]]
    papers_in_two_splits: dict[str, int]
    contamination: dict[str, ConfigContamination]


class CorpusReport(RowCounts):
    """The report of a corpus.

    `test_teachers` are the names of the configs; the first is the default. `teachers` has the manifest of each
    teacher, or None for pairs that `generate` did not write. `revision` identifies the rows (see `corpus_revision`).
    `validation_fallback` is the id of the paper that was moved from train to validation, because the hashes chose no
    paper for validation. `about` is the description of `build --about`, or None.
    """

    train_teachers: list[str]
    test_teachers: list[str]
    split_rule: SplitRule
    validation_fallback: str | None = None
    papers: PaperCounts
    dropped: DroppedPairs
    teachers: dict[str, Manifest | None]
    papers_left_out_by_hydration: int | None = None
    about: About | None = None
    revision: str

    @property
    def name(self) -> str:
        """The name of the corpus, after its venues: ISCA-QA."""
        return "-".join([*(venue.upper() for venue in self.papers.by_venue), "QA"])


def read_corpus_report(folder: Path) -> CorpusReport:
    """Return the report of the corpus in `folder`; raises `InputError` if `folder` is not a corpus of this version."""
    if not (folder / REPORT_FILE).is_file():
        raise InputError(f"{folder}: has no {REPORT_FILE}, so it is not a corpus; {REMEDY}")
    return read_format(CorpusReport, folder / REPORT_FILE, REMEDY)


def find_foreign_files(folder: Path) -> list[Path]:
    """Return the files in `folder` that `build` and `hydrate` do not write; all files if it is not a corpus.

    A corpus of an older version is a corpus, too.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    try:
        report = read_json(folder / REPORT_FILE)
        teachers = "|".join(map(re.escape, (*report["train_teachers"], *report["test_teachers"])))
    except (InputError, KeyError, TypeError):
        return files
    rows = rf"(?:{teachers})/(?:{'|'.join(SPLITS)})-00000-of-00001\.parquet"
    texts = "|".join(map(re.escape, (REPORT_FILE, CARD_FILE)))
    return [path for path in files if not re.fullmatch(rf"{rows}|{texts}", path.relative_to(folder).as_posix())]


def count_papers(papers: list[Paper]) -> PaperCounts:
    """Count the papers that the build read."""
    return PaperCounts(
        read=len(papers),
        with_abstract=sum(paper.abstract is not None for paper in papers),
        by_year=_by_year(paper.year for paper in papers),
        by_venue={
            venue: _by_year(paper.year for paper in papers if paper.venue == venue)
            for venue in sorted({paper.venue for paper in papers})
        },
    )


def read_configs(files: CorpusFiles) -> dict[str, dict[str, list[CorpusRow]]]:
    """Return the rows by config and split; configs that have the same files share their rows."""
    rows = {path: read_rows(path) for path in dict.fromkeys(files.values())}
    configs: dict[str, dict[str, list[CorpusRow]]] = {}
    for (config, split), path in files.items():
        configs.setdefault(config, {})[split] = rows[path]
    return configs


def count_rows(configs: Mapping[str, ConfigRows]) -> RowCounts:
    """Count the finished rows. Papers in two splits, under one id or two, are counted in the rows themselves."""
    return RowCounts(
        configs={name: {split: _count_split(rows[split]) for split in SPLITS} for name, rows in configs.items()},
        papers_in_two_splits={name: _papers_in_two_splits(rows) for name, rows in configs.items()},
        contamination={
            name: count_config_contamination(rows["test"], rows["train"]) for name, rows in configs.items()
        },
    )


def _count_split(rows: list[CorpusRow]) -> SplitCounts:
    papers = _by_year(year for year, _ in {(row.year, row.paper_id) for row in rows})
    pairs = _by_year(row.year for row in rows)
    return SplitCounts(
        papers=len({row.paper_id for row in rows}),
        pairs=len(rows),
        by_year={year: CorpusYear(papers=papers[year], pairs=pairs[year]) for year in pairs},
    )


def counts_by_year(report: CorpusReport) -> Table:
    """Return heading and rows of the table of papers and pairs by year, split and teacher; the last row is the sum."""
    first = report.configs[report.test_teachers[0]]
    columns = {f"{split}, {' and '.join(report.train_teachers)}": first[split] for split in ("train", "validation")}
    columns |= {f"test, {name}": config["test"] for name, config in report.configs.items()}
    rows = [
        [year, str(count), *(_cell(column.by_year.get(year)) for column in columns.values())]
        for year, count in report.papers.by_year.items()
    ]
    rows.append(["all", str(report.papers.read), *map(_cell, columns.values())])
    return ["year", "papers read", *columns], rows


def _cell(counts: CorpusYear | None) -> str:
    return f"{counts.papers} / {counts.pairs}" if counts else ""


def _by_year(years: Iterable[int]) -> dict[str, int]:
    return {str(year): count for year, count in sorted(Counter(years).items())}


def _papers_in_two_splits(rows: ConfigRows) -> int:
    train, validation, test = (
        {PaperText(row.paper_id, row.title, row.context or "") for row in rows[split]} for split in SPLITS
    )
    return len(find_copies(train, validation | test) | find_copies(validation, test))
