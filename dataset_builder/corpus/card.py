"""The corpus card: the metadata that the Hub and `load_dataset` read, and a text with what a careful reader asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_builder.corpus.parquet import parquet_path
from dataset_builder.corpus.report import REPORT_FILE, counts_by_year
from dataset_builder.corpus.splits import FIRST_TEST_YEAR, SPLITS
from dataset_builder.files import read_json
from dataset_builder.hub.card_merge import render_card

TEMPLATES = Path(__file__).parent / "templates"
GEMMA_TERMS = "https://ai.google.dev/gemma/terms"
# What a card calls a corpus that has no name on the Hub yet.
UNNAMED = "ORG/isca-qa"
# The Hub's sizes, by the number of rows that each ends below:
# https://github.com/huggingface/hub-docs/blob/main/datasetcard.md.
SIZES = {"n<1K": 1_000, "1K<n<10K": 10_000, "10K<n<100K": 100_000, "100K<n<1M": 1_000_000, "1M<n<10M": 10_000_000}


def corpus_card(folder: Path, dataset_id: str, license_id: str) -> str:
    """Return the card of the corpus in `folder`, from its Parquet files and its report.

    `dataset_id` is its name on the Hub. Where the contexts are null, the card quotes none and says how to put them in.
    """
    import pyarrow.parquet as pq

    report = read_json(folder / REPORT_FILE)
    tables = {
        config: {split: pq.read_table(folder / parquet_path(config, split)) for split in SPLITS}
        for config in report["configs"]
    }
    download_sizes = {
        config: sum((folder / parquet_path(config, split)).stat().st_size for split in SPLITS) for config in tables
    }
    default = report["test_teachers"][0]
    example = tables[default]["train"].slice(0, 1).to_pylist()[0]
    text = render(
        "corpus.md.j2",
        report=report,
        dataset_id=dataset_id,
        license_id=license_id,
        default=default,
        first_test_year=FIRST_TEST_YEAR,
        counts=counts_by_year(report),
        dropped=_dropped(report),
        example=example,
        with_contexts=example["context"] is not None,
        terms=[
            _terms(name, manifest)
            for name, manifest in report["teachers"].items()
            if manifest or license_id == "other" or under_gemmas_terms(name, manifest)
        ],
        checked=[name for name, manifest in report["teachers"].items() if manifest],
        unchecked=[name for name, manifest in report["teachers"].items() if not manifest],
    )
    metadata = _metadata(tables, download_sizes, license_id)
    if license_id == "other":
        metadata |= _other_license(dataset_id, with_contexts=example["context"] is not None)
    return render_card(metadata, text)


def under_gemmas_terms(teacher: str, manifest: dict[str, Any] | None) -> bool:
    """Tell by a teacher's manifest whether its output carries Gemma's terms, else by the teacher's name."""
    return manifest["teacher"]["license"] == "gemma" if manifest else "gemma" in teacher.lower()


def render(template: str, **values: Any) -> str:
    """Return a template of the corpus card with `values` in it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["quoted"] = _quoted
    return templates.get_template(template).render(**values)


def _metadata(tables: dict[str, dict[str, Any]], download_sizes: dict[str, int], license_id: str) -> dict[str, Any]:
    """Return the card's YAML: configs with the first as the default, splits, features, sizes and licence.

    The keys are those of the Hub's dataset card specification,
    https://github.com/huggingface/hub-docs/blob/main/datasetcard.md.
    """
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData

    from dataset_builder.corpus.builder import FEATURES

    rows = max(sum(table.num_rows for table in splits.values()) for splits in tables.values())
    metadata = DatasetCardData(
        language="en",
        license=license_id,
        pretty_name="ISCA-QA",
        size_categories=next(size for size, end in SIZES.items() if rows < end),
        tags=["computer-architecture", "abstracts"],
        task_categories=["question-answering"],
    )
    infos = {}
    for config, splits in tables.items():
        sizes = SplitDict()
        for split, table in splits.items():
            sizes.add(SplitInfo(split, num_bytes=table.nbytes, num_examples=table.num_rows))
        infos[config] = DatasetInfo(
            config_name=config,
            features=FEATURES,
            splits=sizes,
            download_size=download_sizes[config],
            dataset_size=sum(table.nbytes for table in splits.values()),
        )
    DatasetInfosDict(infos).to_dataset_card_data(metadata)
    MetadataConfigs(
        {
            name: {
                "data_files": [{"split": split, "path": parquet_path(name, split)} for split in SPLITS],
                **({"default": True} if position == 0 else {}),
            }
            for position, name in enumerate(tables)
        }
    ).to_dataset_card_data(metadata)
    return metadata.to_dict()


def _other_license(dataset_id: str, with_contexts: bool) -> dict[str, str]:
    """Return the metadata on what is published under no licence of the Hub's: abstracts, or without them the pairs."""
    if with_contexts:
        return {
            "license_name": "publishers-abstracts",
            "license_link": "https://www.acm.org/publications/policies/copyright-policy",
        }
    return {
        "license_name": "terms-of-the-teachers",
        "license_link": f"https://huggingface.co/datasets/{dataset_id}#licences",
    }


def _terms(teacher: str, manifest: dict[str, Any] | None) -> str:
    """Return a sentence on what is known of the licence of a teacher's output."""
    if manifest:
        of = manifest["teacher"]
        link = f" ({of['license_link']})" if of["license_link"] else ""
        note = f" {of['license_note']}" if of["license_note"] else ""
        return f"`{teacher}`, the model `{manifest['model']}`: {of['license']}{link}.{note}"
    if under_gemmas_terms(teacher, manifest):
        return (
            f"`{teacher}`: no model is recorded; by its name one of Gemma's, whose [terms]({GEMMA_TERMS}) leave "
            "outputs free, but count a model trained on them to perform similarly as a Model Derivative of Gemma."
        )
    return f"`{teacher}`: no model is recorded."


def _dropped(report: dict[str, Any]) -> list[str]:
    return [
        f"{count} pairs of `{teacher}`, read for {role}: {reason}"
        for role, by_teacher in (
            ("training", {report["train_teacher"]: report["dropped"]["train"]}),
            ("test", report["dropped"]["test"]),
        )
        for teacher, reasons in by_teacher.items()
        for reason, count in reasons.items()
    ]


def _quoted(text: str) -> str:
    """Return text of others as it is shown in Markdown: on one line, and no HTML."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
