"""A copy of the project with a slice of the open corpus, in which its commands run fast and write where they like."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.corpus_slice import CORPUS_SLICE

PACKAGES = ("dataset_builder", "eval", "training", "model_cards")
COPIED = (*PACKAGES, "Makefile", "accelerate_config.yaml", "docs", "results", "README.md")


def copy_project(folder: Path) -> None:
    """Copy the project into the empty folder."""
    for name in COPIED:
        source = REPOSITORY / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder)
    shutil.rmtree(folder / "dataset_builder/open_corpus")
    open_corpus = shutil.copytree(CORPUS_SLICE, folder / "dataset_builder/open_corpus")
    shutil.copy(REPOSITORY / "dataset_builder/open_corpus/about.yaml", open_corpus)
