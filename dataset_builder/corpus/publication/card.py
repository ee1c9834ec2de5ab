"""Render the corpus card: the metadata that the Hub and `load_dataset` read, and a text for people."""

from pathlib import Path
from typing import Any, cast

from dataset_builder.corpus.about import SECTIONS, About, complete_about
from dataset_builder.corpus.manifest import Manifest
from dataset_builder.corpus.report import CorpusReport, counts_by_year, read_corpus_report
from dataset_builder.corpus.rows import COLUMN_MEANINGS, features, read_rows
from dataset_builder.corpus.split_files import CorpusFiles, find_split_files
from dataset_builder.corpus.splits import SPLITS
from dataset_builder.hub.card_merge import render_card
from dataset_builder.templates import render

TEMPLATE = Path(__file__).parents[1] / "templates/corpus.md.j2"
GEMMA_TERMS = "https://ai.google.dev/gemma/terms"
# What the card says about a venue besides its key: its name, tag, publishers, and their rules for copyright.
ISCA = {
    "full_name": "the International Symposium on Computer Architecture",
    "tag": "computer-architecture",
    "publishers": "ACM, IEEE",
    "copyright": "https://www.acm.org/publications/policies/copyright-policy",
}
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
    files = find_split_files(folder, report.configs, report.train_teachers)
    example = read_rows(files[default, "train"])[0]
    with_contexts = example.context is not None
    text = render(
        TEMPLATE,
        report=report,
        dataset_id=dataset_id,
        license_id=license_id,
        default=default,
        venues=venue_names(report),
        isca=ISCA if _is_isca(report) else None,
        about=corpus_about(report),
        sections=SECTIONS,
        columns=COLUMN_MEANINGS,
        counts=counts_by_year(report),
        dropped=_dropped(report),
        example=example,
        with_contexts=with_contexts,
        under_gemmas_terms=under_gemmas_terms,
        gemma_terms=GEMMA_TERMS,
    )
    metadata = _metadata(files, report, license_id)
    if license_id == "other":
        metadata["license_name"], metadata["license_link"] = _other_license(report, dataset_id, with_contexts)
    return render_card(metadata, text)


def _other_license(report: CorpusReport, dataset_id: str, with_contexts: bool) -> tuple[str, str]:
    """Return the name and the link of the licence of a corpus whose licence id is "other"."""
    if not with_contexts:
        return "terms-of-the-teachers", f"{dataset_url(dataset_id)}#licences"
    return "publishers-abstracts", ISCA["copyright"] if _is_isca(report) else f"{dataset_url(dataset_id)}#licences"


def dataset_url(dataset_id: str) -> str:
    """Return the URL of a corpus on the Hub."""
    return f"https://huggingface.co/datasets/{dataset_id}"


def corpus_about(report: CorpusReport) -> About:
    """Return the complete description of a corpus."""
    return complete_about(report, venue_names(report))


def field_tags(report: CorpusReport | None) -> list[str]:
    """Return the tag of the field of the papers, if it is known."""
    return [ISCA["tag"]] if report and _is_isca(report) else []


def venue_names(report: CorpusReport) -> str:
    """Return the venues as a phrase: "ISCA and MICRO"."""
    *names, last = (venue.upper() for venue in report.papers.by_venue)
    return f"{', '.join(names)} and {last}" if names else last


def _is_isca(report: CorpusReport) -> bool:
    return list(report.papers.by_venue) == ["isca"]


def under_gemmas_terms(teacher: str, manifest: Manifest | None) -> bool:
    """Return whether Gemma's terms apply to a teacher's output, by its manifest or else by the teacher's name."""
    return manifest.teacher.license == "gemma" if manifest else "gemma" in teacher.lower()


def _metadata(files: CorpusFiles, report: CorpusReport, license_id: str) -> dict[str, Any]:
    """Return the card's YAML: configs with the first as the default, splits, features, sizes and licence.

    The Hub's dataset card specification defines the keys:
    https://github.com/huggingface/hub-docs/blob/main/datasetcard.md.
    """
    import pyarrow.parquet as pq
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData

    configs = list(report.configs)
    infos, config_files = DatasetInfosDict(), MetadataConfigs()
    nbytes = {path: pq.read_table(path).nbytes for path in set(files.values())}
    for config in configs:
        sizes = SplitDict()
        for split in SPLITS:
            pairs = report.configs[config][split].pairs
            sizes.add(SplitInfo(split, num_bytes=nbytes[files[config, split]], num_examples=pairs))
        infos[config] = DatasetInfo(
            config_name=config,
            features=features(),
            splits=sizes,
            download_size=sum(files[config, split].stat().st_size for split in SPLITS),
            dataset_size=sum(split.num_bytes for split in sizes.values()),
        )
        patterns = [
            {"split": split, "path": f"{files[config, split].parent.name}/{split}-*.parquet"} for split in SPLITS
        ]
        config_files[config] = {"data_files": patterns} | ({"default": True} if config == configs[0] else {})
    rows = max(info.splits.total_num_examples for info in infos.values())
    metadata = DatasetCardData(
        language="en",
        license=license_id,
        pretty_name=report.name,
        size_categories=next(size for size, end in SIZES.items() if rows < end),
        tags=[*field_tags(report), "abstracts"],
        task_categories=["question-answering"],
    )
    infos.to_dataset_card_data(metadata)
    config_files.to_dataset_card_data(metadata)
    return cast(dict[str, Any], metadata.to_dict())  # type: ignore[no-untyped-call]  # the class has no types


def _dropped(report: CorpusReport) -> list[str]:
    training = " and ".join(report.train_teachers)
    roles = {"training": {training: report.dropped.train}, "test": report.dropped.test}
    return [
        f"{count} {role} {'pair' if count == 1 else 'pairs'} of `{teacher}`, since {reason}"
        for role, teachers in roles.items()
        for teacher, reasons in teachers.items()
        for reason, count in reasons.items()
    ]
