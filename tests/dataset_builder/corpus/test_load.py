"""Load a corpus: its revision."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.load import corpus_revision, load_corpus_split
from dataset_builder.corpus.rows import read_rows
from dataset_builder.corpus.split_files import write_split
from dataset_builder.errors import InputError


def test_revision_on_the_hub_is_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder in the cache has its name; a tag is passed on."""
    asked: list[Any] = []

    def download(repo: str, file: str, **options: Any) -> str:
        asked.append(options["revision"])
        return str(tmp_path / "abc" / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert corpus_revision("org/corpus") == "abc"
    assert corpus_revision("org/corpus", "v1") == "abc"
    assert asked == [None, "v1"]


@pytest.mark.parametrize("name", ["corpora/none", "/nope/corpus", "none"])
def test_missing_folder_is_not_asked_for_on_the_hub(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder beside existing ones, and names that no corpus on the Hub can have."""
    (tmp_path / "corpora").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=f"dataset '{name}': no such folder; give the folder of a corpus, or a Hub id"
    ):
        corpus_revision(name)


def test_missing_contexts_are_restored_by_hydrate(corpus: Path, tmp_path: Path) -> None:
    """Training and evaluation read a corpus by this function; its error names the command."""
    shutil.copytree(corpus, tmp_path / "bare")
    path = tmp_path / "bare/detailed/train-00000-of-00001.parquet"
    write_split(path, [replace(row, context=None) for row in read_rows(path)])
    with pytest.raises(InputError, match=r"84 of 84 rows have no context.*dataset_builder hydrate"):
        load_corpus_split(str(tmp_path / "bare"), "plain", "train")
