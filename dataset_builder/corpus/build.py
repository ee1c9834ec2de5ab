"""The build: papers and pairs in, a corpus folder out that `load_dataset` reads as it would from the Hub."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from dataset_builder.corpus.card import UNNAMED, corpus_card
from dataset_builder.corpus.load import corpus_revision
from dataset_builder.corpus.pairs import generation_manifest, teacher_folder
from dataset_builder.corpus.papers import read_papers
from dataset_builder.corpus.parquet import parquet_path
from dataset_builder.corpus.report import REPORT_FILE, corpus_report
from dataset_builder.corpus.splits import SPLITS
from dataset_builder.errors import InputError
from dataset_builder.files import replacing_folder, write_json, write_text


def build(
    papers: Path, qa: Path, train_teacher: str, test_teachers: list[str], out: Path, license_id: str
) -> dict[str, Any]:
    """Build the corpus into the folder `out` and return its report.

    A config for each of `test_teachers`, the first of them the default. The corpus is made whole beside `out` and then
    takes its place, so that `out` is never half one corpus and half another.

    Raises `InputError` for papers or pairs that break the format, and for an output folder that holds something else.
    """
    from datasets import disable_progress_bars

    from dataset_builder.corpus.builder import IscaQA

    if len(set(test_teachers)) != len(test_teachers):
        raise InputError(f"--test-teachers {','.join(test_teachers)}: names a teacher twice; name each once")
    for teacher in (train_teacher, *test_teachers):
        teacher_folder(qa, teacher)
    disable_progress_bars()
    configs, dropped = {}, {}
    with replacing_folder(out, REPORT_FILE) as work:
        for teacher in test_teachers:
            # The cache is thrown away: a kept one is keyed by the settings and would give old rows for changed input.
            builder = IscaQA(
                cache_dir=str(work / ".cache"),
                config_name=teacher,
                papers=str(papers),
                qa=str(qa),
                train_teacher=train_teacher,
            )
            builder.download_and_prepare()
            configs[teacher] = builder.as_dataset()
            dropped[teacher] = builder.dropped
            (work / teacher).mkdir()
            for split in SPLITS:
                configs[teacher][split].to_parquet(work / parquet_path(teacher, split))
        report = corpus_report(read_papers(papers), configs, dropped, train_teacher)
        report["teachers"] = {
            teacher: generation_manifest(qa, teacher) for teacher in dict.fromkeys([train_teacher, *test_teachers])
        }
        shutil.rmtree(work / ".cache")
        write_finished_corpus(work, report, UNNAMED, license_id)
    return report


def write_finished_corpus(folder: Path, report: dict[str, Any], dataset_id: str, license_id: str) -> None:
    """Write report and card of the corpus whose Parquet files lie in `folder`; `report` gains its "revision"."""
    report["revision"] = corpus_revision(str(folder))
    write_json(folder / REPORT_FILE, report)
    write_text(folder / "README.md", corpus_card(folder, dataset_id, license_id))
