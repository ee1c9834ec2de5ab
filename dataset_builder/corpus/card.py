"""Render the corpus card: the metadata that the Hub and `load_dataset` read, and a text for people."""

from pathlib import Path
from typing import Any, cast

from dataset_builder.corpus.manifest import Manifest
from dataset_builder.corpus.report import CorpusReport, counts_by_year, read_corpus_report
from dataset_builder.corpus.rows import features, parquet_path, read_rows
from dataset_builder.corpus.splits import FIRST_TEST_YEAR, SPLITS
from dataset_builder.hub.card_merge import render_card
from dataset_builder.templates import render

TEMPLATE = Path(__file__).parent / "templates/corpus.md.j2"
GEMMA_TERMS = "https://ai.google.dev/gemma/terms"
# The name in the card of a corpus that is not on the Hub yet.
UNNAMED = "ORG/isca-qa"
# The Hub's size categories, each with the number of rows that it ends below:
# https://github.com/huggingface/hub-docs/blob/main/datasetcard.md.
SIZES = {"n<1K": 1_000, "1K<n<10K": 10_000, "10K<n<100K": 100_000, "100K<n<1M": 1_000_000, "1M<n<10M": 10_000_000}


def corpus_card(folder: Path, dataset_id: str, license_id: str) -> str:
    """Return the card of the corpus in `folder`, from its Parquet files and its report.

    `dataset_id` is its name on the Hub. If the contexts are null, the card has no abstract and says how to restore
    them.
    """
    report = read_corpus_report(folder)
    default = report.test_teachers[0]
    example = read_rows(folder / parquet_path(default, "train"))[0]
    with_contexts = example.context is not None
    text = render(
        TEMPLATE,
        report=report,
        dataset_id=dataset_id,
        license_id=license_id,
        default=default,
        first_test_year=FIRST_TEST_YEAR,
        counts=counts_by_year(report),
        dropped=_dropped(report),
        example=example,
        with_contexts=with_contexts,
        under_gemmas_terms=under_gemmas_terms,
        gemma_terms=GEMMA_TERMS,
    )
    metadata = _metadata(folder, list(report.configs), license_id)
    if license_id == "other" and with_contexts:
        metadata["license_name"] = "publishers-abstracts"
        metadata["license_link"] = "https://www.acm.org/publications/policies/copyright-policy"
    elif license_id == "other":
        metadata["license_name"] = "terms-of-the-teachers"
        metadata["license_link"] = f"https://huggingface.co/datasets/{dataset_id}#licences"
    return render_card(metadata, text)


def under_gemmas_terms(teacher: str, manifest: Manifest | None) -> bool:
    """Return whether Gemma's terms apply to a teacher's output, by its manifest or else by the teacher's name."""
    return manifest.teacher.license == "gemma" if manifest else "gemma" in teacher.lower()


def _metadata(folder: Path, configs: list[str], license_id: str) -> dict[str, Any]:
    """Return the card's YAML: configs with the first as the default, splits, features, sizes and licence.

    The Hub's dataset card specification defines the keys:
    https://github.com/huggingface/hub-docs/blob/main/datasetcard.md.
    """
    import pyarrow.parquet as pq
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData

    infos, config_files = DatasetInfosDict(), MetadataConfigs()
    for config in configs:
        sizes = SplitDict()
        for split in SPLITS:
            table = pq.read_table(folder / parquet_path(config, split))
            sizes.add(SplitInfo(split, num_bytes=table.nbytes, num_examples=table.num_rows))
        infos[config] = DatasetInfo(
            config_name=config,
            features=features(),
            splits=sizes,
            download_size=sum((folder / parquet_path(config, split)).stat().st_size for split in SPLITS),
            dataset_size=sum(split.num_bytes for split in sizes.values()),
        )
        files = [{"split": split, "path": parquet_path(config, split)} for split in SPLITS]
        config_files[config] = {"data_files": files} | ({"default": True} if config == configs[0] else {})
    rows = max(info.splits.total_num_examples for info in infos.values())
    metadata = DatasetCardData(
        language="en",
        license=license_id,
        pretty_name="ISCA-QA",
        size_categories=next(size for size, end in SIZES.items() if rows < end),
        tags=["computer-architecture", "abstracts"],
        task_categories=["question-answering"],
    )
    infos.to_dataset_card_data(metadata)
    config_files.to_dataset_card_data(metadata)
    return cast(dict[str, Any], metadata.to_dict())  # type: ignore[no-untyped-call]  # the class has no types


def _dropped(report: CorpusReport) -> list[str]:
    roles = {"training": {report.train_teacher: report.dropped.train}, "test": report.dropped.test}
    return [
        f"{count} {role} {'pair' if count == 1 else 'pairs'} of `{teacher}`, since {reason}"
        for role, teachers in roles.items()
        for teacher, reasons in teachers.items()
        for reason, count in reasons.items()
    ]
