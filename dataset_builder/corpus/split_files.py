"""Write the splits of a corpus to Parquet files, and find the files of each config and split."""

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import islice
from pathlib import Path

from dataset_builder.corpus.rows import ROWS_AT_ONCE, CorpusRow, features
from dataset_builder.corpus.splits import SPLITS
from dataset_builder.errors import InputError

# The bytes of a split in memory above which it is written to several files, as the libraries of the Hub do by default.
SHARD_BYTES = 500_000_000
# Rows of a Parquet row group, which a reader holds in memory as a whole.
ROW_GROUP = 10_000

# The files of each config and split. Two configs can have the same ones.
CorpusFiles = Mapping[tuple[str, str], tuple[Path, ...]]


def find_split_files(folder: Path, configs: Iterable[str], train_teacher: str) -> CorpusFiles:
    """Return the Parquet files of each config and split, in the order of the configs, splits and rows.

    The files of a split are in the folder of the teacher of its pairs. So train and validation, which are the same in
    every config, are stored once. Raises `InputError` if a split has no file.
    """
    found: dict[tuple[str, str], tuple[Path, ...]] = {}
    for config in configs:
        for split in SPLITS:
            teacher = config if split == "test" else train_teacher
            files = tuple(sorted((folder / teacher).glob(f"{split}-*.parquet")))
            if not files:
                raise InputError(f"{folder}: has no Parquet file of the split {split!r} of {config!r}; build it again")
            found[config, split] = files
    return found


def split_pattern(files: Sequence[Path]) -> str:
    """Return the pattern of the files of a split, relative to the corpus folder, as the card names them."""
    return f"{files[0].parent.name}/{files[0].name.partition('-')[0]}-*.parquet"


def write_split(folder: Path, split: str, rows: Iterable[CorpusRow]) -> None:
    """Write a split to Parquet files in `folder`, named by the convention of the Hub.

    The memory holds a part of the rows at once. A split of more than `SHARD_BYTES` is written to several files.
    """
    from datasets import Dataset
    from datasets.arrow_writer import ArrowWriter

    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        arrow = Path(temporary) / "rows.arrow"
        with ArrowWriter(features=features(), path=str(arrow)) as writer:
            remaining = iter(rows)
            while part := list(islice(remaining, ROWS_AT_ONCE)):
                writer.write_batch(
                    {field.name: [getattr(row, field.name) for row in part] for field in fields(CorpusRow)}
                )
            writer.finalize()
        dataset = Dataset.from_file(str(arrow))
        shards = max(1, math.ceil(dataset.data.nbytes / SHARD_BYTES))
        for number in range(shards):
            shard = dataset.shard(shards, number, contiguous=True) if shards > 1 else dataset
            path = folder / f"{split}-{number:05}-of-{shards:05}.parquet"
            shard.to_parquet(path, batch_size=ROW_GROUP)
