"""Define a repo of a release."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.hub.changes import Push
from dataset_builder.hub.collection import Item, ItemKey
from model_cards.release.settings import Part
from model_cards.trained_run import TrainedRun

# The newest commits of repos.
Commits = Mapping[ItemKey, str]


@dataclass(frozen=True)
class ReleasedRepo:
    """A repo of a release, which is an item of the collection.

    `content` returns the content for a folder for new files, and for the commits of the repos in `needs`, which the
    content names. `run` is the training run of a model or verifier.
    """

    part: Part
    item: Item
    content: Callable[[Commits, Path], Push]
    needs: tuple[ItemKey, ...] = ()
    run: TrainedRun | None = None
