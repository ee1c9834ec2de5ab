"""Write the Parquet files of a corpus."""

from __future__ import annotations

from pathlib import Path


def parquet_path(config: str, split: str) -> str:
    """Return where the Parquet file of a split lies, relative to the corpus folder, by the Hub's naming."""
    return f"{config}/{split}-00000-of-00001.parquet"


def write_rows(path: Path, rows: list[dict]) -> None:
    """Write rows of the corpus as the build writes them."""
    from datasets import Dataset, disable_progress_bars

    from dataset_builder.corpus.builder import FEATURES

    disable_progress_bars()
    Dataset.from_list(rows, features=FEATURES).to_parquet(path)
