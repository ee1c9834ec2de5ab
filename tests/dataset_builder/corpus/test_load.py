"""Load a corpus: its revision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataset_builder.corpus.load import corpus_revision
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


def test_folder_has_no_revisions(tmp_path: Path) -> None:
    """Its rows are what they are."""
    with pytest.raises(InputError, match=r"revision 'v1' of dataset .*: only a corpus on the Hub has revisions"):
        corpus_revision(str(tmp_path), "v1")
