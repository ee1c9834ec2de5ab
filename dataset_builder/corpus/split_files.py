"""Write the splits of a corpus to Parquet files, and find the file of each config and split."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from dataset_builder.corpus.rows import CorpusRow, features
from dataset_builder.corpus.splits import SPLITS
from dataset_builder.errors import InputError

# The file of each config and split. Two configs can have the same one.
CorpusFiles = Mapping[tuple[str, str], Path]


def split_file(teacher: str, split: str) -> str:
    """Return the path of a split in the corpus folder, named by the convention of the Hub."""
    return f"{teacher}/{split}-00000-of-00001.parquet"


def find_split_files(folder: Path, configs: Iterable[str], train_teachers: list[str]) -> CorpusFiles:
    """Return the Parquet file of each config and split, in the order of the configs and splits.

    The file of a test split is in the folder of its teacher, and the others are in that of the first training
    teacher. So train and validation, which are the same in
    every config, are stored once. Raises `InputError` if a split has no file.
    """
    found: dict[tuple[str, str], Path] = {}
    for config in configs:
        for split in SPLITS:
            path = folder / split_file(config if split == "test" else train_teachers[0], split)
            if not path.is_file():
                raise InputError(f"{folder}: has no Parquet file of the split {split!r} of {config!r}; build it again")
            found[config, split] = path
    return found


def write_split(path: Path, rows: Iterable[CorpusRow]) -> None:
    """Write a split to the Parquet file `path`."""
    from datasets import Dataset

    path.parent.mkdir(exist_ok=True)
    Dataset.from_list([asdict(row) for row in rows], features=features()).to_parquet(path)
