r"""Build the corpus from papers and pairs: a folder that `load_dataset` reads like a corpus on the Hub.

python -m dataset_builder build --papers dataset_builder/open_corpus/papers --qa dataset_builder/open_corpus/qa \
    --train-teachers detailed --test-teachers plain detailed --out data/corpus --license apache-2.0 \
    --about dataset_builder/open_corpus/about.yaml
"""

import argparse
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.about import About, read_about
from dataset_builder.corpus.load import rows_revision
from dataset_builder.corpus.manifest import read_manifest
from dataset_builder.corpus.pairs import teacher_folder
from dataset_builder.corpus.publication.card import corpus_card
from dataset_builder.corpus.report import (
    REPORT_FILE,
    CorpusReport,
    DroppedPairs,
    PaperCounts,
    count_papers,
    count_rows,
    counts_by_year,
    find_foreign_files,
    read_configs,
)
from dataset_builder.corpus.split_files import find_split_files, split_file, write_split
from dataset_builder.corpus.splits import DEFAULT_RULE, SPLITS, SplitRule
from dataset_builder.errors import InputError
from dataset_builder.files import replacing_folder, write_text
from dataset_builder.formats import parse_format, write_format
from dataset_builder.hub.changes import CARD_FILE
from dataset_builder.tables import as_table


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `build`."""
    add = command.add_argument
    add("--papers", type=Path, required=True, metavar="DIR", help="folder of VENUE_YEAR.jsonl papers")
    add("--qa", type=Path, required=True, metavar="DIR", help="folder of TEACHER/VENUE_YEAR.jsonl")
    training = "teachers of the training and validation pairs"
    add("--train-teachers", nargs="+", required=True, metavar="T", help=training)
    configs = "teachers of the test pairs: one config for each, the first is the default"
    add("--test-teachers", nargs="+", required=True, metavar="T", help=configs)
    add("--out", type=Path, required=True, metavar="DIR", help="corpus folder; it is replaced")
    year = "papers from this year on are for the test; default: %(default)s"
    add("--first-test-year", type=int, default=DEFAULT_RULE.first_test_year, metavar="YEAR", help=year)
    share = "share of the earlier papers that is for validation; default: %(default)s"
    add("--validation-share", type=float, default=DEFAULT_RULE.validation_share, metavar="SHARE", help=share)
    licence = "licence id of the Hub; default: other, with the note that publishers and authors own the abstracts"
    add("--license", default="other", metavar="ID", help=licence)
    about = "YAML file with the datasheet sections of the card, such as dataset_builder/open_corpus/about.yaml"
    add("--about", type=Path, metavar="FILE", help=about)


def run_command(arguments: argparse.Namespace) -> None:
    """Build the corpus and print its counts."""
    out, teachers = arguments.out, (arguments.train_teachers, arguments.test_teachers)
    rule = parse_format(
        SplitRule,
        {"first_test_year": arguments.first_test_year, "validation_share": arguments.validation_share},
        "--first-test-year, --validation-share",
        "give a year of four digits, and a share above 0 and below 1",
    )
    about = read_about(arguments.about) if arguments.about else None
    report = build(arguments.papers, arguments.qa, *teachers, out, arguments.license, rule, about)
    console = Console()
    console.print(as_table(*counts_by_year(report), "Papers / pairs"))
    console.print(f"Papers in two splits: {sum(report.papers_in_two_splits.values())}")
    if report.validation_fallback:
        problem = "The hashes choose no paper for validation, so the training paper with the smallest hash is taken"
        console.print(f"{problem}: {report.validation_fallback}", soft_wrap=True)
    console.print(f"Corpus: {out}    report: {out / REPORT_FILE}", soft_wrap=True)


def build(
    papers: Path,
    qa: Path,
    train_teachers: list[str],
    test_teachers: list[str],
    out: Path,
    license_id: str,
    rule: SplitRule = DEFAULT_RULE,
    about: About | None = None,
) -> CorpusReport:
    """Build the corpus into the folder `out` and return its report.

    The corpus has a config for each of `test_teachers`; the first is the default. It is built beside `out` and then
    replaces it, so that `out` never holds a part of a corpus. `about` is what its card says about it.

    Raises `InputError` for papers or pairs that do not fit the format, and for an output folder that holds other
    files.
    """
    for option, teachers in (("--train-teachers", train_teachers), ("--test-teachers", test_teachers)):
        if len(set(teachers)) != len(teachers):
            raise InputError(f"{option} {' '.join(teachers)}: a teacher is named twice; name each one once")
    for teacher in (*train_teachers, *test_teachers):
        teacher_folder(qa, teacher)
    with replacing_folder(out, find_foreign_files) as work:
        # Train and validation are the same in every config: the first one writes them.
        written_configs = {
            teacher: _write_config(
                work, papers, qa, train_teachers, teacher, rule, SPLITS if teacher == test_teachers[0] else ("test",)
            )
            for teacher in test_teachers
        }
        first = written_configs[test_teachers[0]]
        shutil.rmtree(work / ".cache", ignore_errors=True)
        files = find_split_files(work, test_teachers, train_teachers)
        report = CorpusReport(
            **dict(count_rows(read_configs(files))),
            train_teachers=train_teachers,
            test_teachers=test_teachers,
            split_rule=rule,
            validation_fallback=first.validation_fallback,
            papers=first.papers,
            dropped=DroppedPairs(
                train=dict(first.dropped["train"]),
                test={teacher: dict(config.dropped["test"]) for teacher, config in written_configs.items()},
            ),
            teachers={teacher: read_manifest(qa, teacher) for teacher in (*train_teachers, *test_teachers)},
            about=about,
            revision=rows_revision(files),
        )
        write_metadata(work, report, f"ORG/{report.name.lower()}", license_id)
    return report


@dataclass(frozen=True)
class _WrittenConfig:
    """What is left of a config in memory after its splits are written."""

    papers: PaperCounts
    dropped: dict[str, Counter[str]]
    validation_fallback: str | None


def _write_config(
    work: Path,
    papers: Path,
    qa: Path,
    train_teachers: list[str],
    test_teacher: str,
    rule: SplitRule,
    splits: Sequence[str],
) -> _WrittenConfig:
    """Write the `splits` of a config to the folder `work`."""
    from dataset_builder.corpus.datasets_builder import IscaQA

    builder = IscaQA(
        cache_dir=str(work / ".cache"),
        config_name=test_teacher,
        papers=str(papers),
        qa=str(qa),
        train_teachers=tuple(train_teachers),
        first_test_year=rule.first_test_year,
        validation_share=rule.validation_share,
    )
    joined = builder.joined
    for split in splits:
        write_split(
            work / split_file(test_teacher if split == "test" else train_teachers[0], split), joined.rows[split]
        )
    return _WrittenConfig(count_papers(builder.papers), joined.dropped, joined.validation_fallback)


def write_metadata(folder: Path, report: CorpusReport, dataset_id: str, license_id: str) -> None:
    """Write report and card of the corpus whose Parquet files are in `folder`."""
    write_format(folder / REPORT_FILE, report)
    write_text(folder / CARD_FILE, corpus_card(folder, dataset_id, license_id))
