"""The build: papers and pairs in, a corpus folder out that `load_dataset` reads as it would from the Hub."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from dataset_builder.card import card_metadata, card_text, parquet_path
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, write_json, write_text
from dataset_builder.pairs import generation_manifest, teacher_folder
from dataset_builder.papers import read_papers
from dataset_builder.report import corpus_report
from dataset_builder.splits import SPLITS

REPORT_FILE = "report.json"


def build(
    papers: Path, qa: Path, train_teacher: str, test_teachers: list[str], out: Path, license_id: str
) -> dict[str, Any]:
    """Build the corpus into the folder `out` and return its report.

    A config for each of `test_teachers`, the first of them the default. The corpus is made whole beside `out` and then
    takes its place, so that `out` is never half one corpus and half another.

    Raises `InputError` for papers or pairs that break the format, and for an output folder that holds something else.
    """
    from datasets import disable_progress_bars

    from dataset_builder.isca_qa import IscaQA

    if len(set(test_teachers)) != len(test_teachers):
        raise InputError(f"--test-teachers {','.join(test_teachers)}: names a teacher twice; name each once")
    for teacher in (train_teacher, *test_teachers):
        teacher_folder(qa, teacher)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; choose another output folder")
    if out.is_dir() and any(out.iterdir()) and not (out / REPORT_FILE).is_file():
        raise InputError(f"{out}: holds files that are no corpus; choose an empty or a new output folder")
    make_writable_folder(out.parent)
    work = out.with_name(f".partial.{out.name}")
    shutil.rmtree(work, ignore_errors=True)

    disable_progress_bars()
    configs, infos, dropped = {}, {}, {}
    try:
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
            infos[teacher] = builder.info
            dropped[teacher] = builder.dropped
            (work / teacher).mkdir()
            for split in SPLITS:
                configs[teacher][split].to_parquet(work / parquet_path(teacher, split))
            infos[teacher].download_size = sum(path.stat().st_size for path in (work / teacher).iterdir())
        report = corpus_report(read_papers(papers), configs, dropped, train_teacher)
        report["teachers"] = {
            teacher: generation_manifest(qa, teacher) for teacher in dict.fromkeys([train_teacher, *test_teachers])
        }
        write_text(work / "README.md", card_text(card_metadata(infos, license_id), report))
        write_json(work / REPORT_FILE, report)
        shutil.rmtree(work / ".cache")
        _put_in_place(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return report


def _put_in_place(work: Path, out: Path) -> None:
    replaced = out.with_name(f".replaced.{out.name}")
    shutil.rmtree(replaced, ignore_errors=True)
    if out.exists():
        os.replace(out, replaced)
    os.replace(work, out)
    shutil.rmtree(replaced, ignore_errors=True)
