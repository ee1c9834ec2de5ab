"""Define a repo of a release."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.hub.changes import Push
from dataset_builder.hub.collection import Item
from model_cards.release.settings import Part


@dataclass(frozen=True)
class ReleasedRepo:
    """A repo of a release, which is an item of the collection.

    `content` returns the content for a commit of the corpus, which cards name, and for a folder for new files.
    """

    part: Part
    item: Item
    content: Callable[[str, Path], Push]
