"""The files of a corpus: train and validation are stored once, and a large split has several files."""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from dataset_builder.corpus import split_files
from dataset_builder.corpus.build import build
from dataset_builder.corpus.load import corpus_revision
from dataset_builder.corpus.report import find_foreign_files, read_corpus_report
from dataset_builder.corpus.split_files import find_split_files
from dataset_builder.errors import InputError
from tests.small_sources import write_sources

CONFIGS = ["u", "t"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a corpus of two configs; the training teacher is one of them."""
    write_sources(tmp_path)
    for file in (tmp_path / "qa/u").glob("*.jsonl"):
        text = file.read_text().replace('"teacher": "u"', '"teacher": "t"')
        (tmp_path / "qa/t" / file.name).write_text(text)
    build(tmp_path / "papers", tmp_path / "qa", "t", CONFIGS, tmp_path / "corpus", "other")
    return tmp_path / "corpus"


def rows(corpus: Path, cache: Path) -> dict[str, dict[str, list[object]]]:
    """Return all rows as `load_dataset` loads them."""
    loaded = {config: load_dataset(str(corpus), config, cache_dir=str(cache)) for config in CONFIGS}
    return {config: {split: splits[split].to_list() for split in splits} for config, splits in loaded.items()}


def test_train_and_validation_are_stored_once(corpus: Path, tmp_path: Path) -> None:
    """In the folder of the training teacher. The revision does not depend on the report, which names the configs."""
    assert sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*.parquet")) == [
        "t/test-00000-of-00001.parquet",
        "t/train-00000-of-00001.parquet",
        "t/validation-00000-of-00001.parquet",
        "u/test-00000-of-00001.parquet",
    ]
    assert find_split_files(corpus, CONFIGS, "t")["u", "train"] == (corpus / "t/train-00000-of-00001.parquet",)
    assert corpus_revision(str(corpus)) == read_corpus_report(corpus).revision


def test_large_split_is_written_to_several_files(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a small limit each of two rows has a file; rows, revision and report are those of one file."""
    sharded = tmp_path / "sharded"
    monkeypatch.setattr(split_files, "SHARD_BYTES", 500)
    build(tmp_path / "papers", tmp_path / "qa", "t", CONFIGS, sharded, "other")
    files = find_split_files(sharded, CONFIGS, "t")
    assert len(files["u", "test"]) > 1
    assert files["u", "train"] == files["t", "train"]
    assert rows(sharded, tmp_path / "cache-1") == rows(corpus, tmp_path / "cache-2")
    assert (sharded / "report.json").read_text() == (corpus / "report.json").read_text()
    assert find_foreign_files(sharded) == []
    names = [record_set["name"] for record_set in json.loads((sharded / "croissant.json").read_text())["recordSet"]]
    records = mlcroissant.Dataset(jsonld=str(sharded / "croissant.json")).records(names[0])
    assert len(list(records)) == 1


def test_row_groups_are_small(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader holds one of them in memory; the rows stay as they are."""
    small = tmp_path / "small"
    monkeypatch.setattr(split_files, "ROW_GROUP", 1)
    build(tmp_path / "papers", tmp_path / "qa", "t", CONFIGS, small, "other")
    file = pq.ParquetFile(small / "t/train-00000-of-00001.parquet")
    assert file.metadata.num_row_groups == file.metadata.num_rows > 1
    assert rows(small, tmp_path / "cache-1") == rows(corpus, tmp_path / "cache-2")


def test_missing_split_is_an_error(corpus: Path) -> None:
    """The message names the split."""
    (corpus / "t/validation-00000-of-00001.parquet").unlink()
    with pytest.raises(InputError, match="has no Parquet file of the split 'validation' of 'u'; build it again"):
        corpus_revision(str(corpus))
