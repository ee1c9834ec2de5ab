"""The corpus card: the metadata that the Hub and `load_dataset` read, and the part of the text that a build knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataset_builder.splits import SPLITS

if TYPE_CHECKING:
    from datasets import DatasetInfo
    from huggingface_hub import DatasetCardData

TEXT = """# ISCA-QA

Question-answer pairs on abstracts of ISCA, the International Symposium on Computer Architecture.
Pairs of `{train_teacher}` for training and validation; for test, one config for each of: {test_teachers}.

This card was written by the build and holds the metadata; `python -m model_cards render` writes the full one.
"""


def parquet_path(config: str, split: str) -> str:
    """Return where the Parquet file of a split lies, relative to the corpus folder, by the Hub's naming."""
    return f"{config}/{split}-00000-of-00001.parquet"


def card_metadata(infos: dict[str, DatasetInfo], license_id: str) -> DatasetCardData:
    """Return the card's YAML: configs with the first as the default, splits, features, sizes and licence.

    The keys are those of the Hub's dataset card specification,
    https://github.com/huggingface/hub-docs/blob/main/datasetcard.md.
    """
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCardData

    rows = max(sum(split.num_examples for split in info.splits.values()) for info in infos.values())
    metadata = DatasetCardData(
        language="en",
        license=license_id,
        pretty_name="ISCA-QA",
        size_categories="n<1K" if rows < 1000 else "1K<n<10K" if rows < 10_000 else "10K<n<100K",
        tags=["computer-architecture", "abstracts"],
        task_categories=["question-answering"],
    )
    if license_id == "other":
        metadata.license_name = "publishers-abstracts"
        metadata.license_link = "https://www.acm.org/publications/policies/copyright-policy"
    DatasetInfosDict(infos).to_dataset_card_data(metadata)
    MetadataConfigs(
        {
            name: {
                "data_files": [{"split": split, "path": parquet_path(name, split)} for split in SPLITS],
                **({"default": True} if position == 0 else {}),
            }
            for position, name in enumerate(infos)
        }
    ).to_dataset_card_data(metadata)
    return metadata


def card_text(metadata: DatasetCardData, report: dict[str, Any]) -> str:
    """Return the whole card of a freshly built corpus."""
    body = TEXT.format(train_teacher=report["train_teacher"], test_teachers=", ".join(report["test_teachers"]))
    return f"---\n{metadata}\n---\n\n{body}"
