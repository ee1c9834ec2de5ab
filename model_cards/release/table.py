"""Print what a release would change."""

from rich.console import Console

from dataset_builder.hub.collection import CollectionChange
from dataset_builder.tables import as_table
from model_cards.release.settings import ReleaseSettings
from model_cards.release.steps import PlannedRepo


def print_plan(settings: ReleaseSettings, planned: list[PlannedRepo], collection: CollectionChange | None) -> None:
    """Print a row for each repo, and for the collection if it is given."""
    rows = [[one.repo.part, one.repo.item.repo_id, _repo_change(settings, one)] for one in planned]
    if collection is not None:
        rows.append(["collection", f"{settings.org}/{settings.title}", _collection_change(settings, collection)])
    Console().print(as_table(["part", "on the Hub", "change"], rows))


def _repo_change(settings: ReleaseSettings, planned: PlannedRepo) -> str:
    change, found = planned.change, planned.found
    size = f"{len(change.sent)} files of {sum(change.sent.values()):,} bytes"
    tag = [f"tag {settings.tag}"] if settings.tag and not (found and found.has_tag) else []
    if found is None:
        return ", ".join([f"send up to {size}", *tag])
    words = [_created(settings)] if found.is_new else []
    words += [f"send {size}"] if change.sent else []
    words += [f"remove {len(change.removed)} files"] if change.removed else []
    return ", ".join([*words, *tag]) or "nothing"


def _collection_change(settings: ReleaseSettings, change: CollectionChange) -> str:
    words = [_created(settings)] if change.url is None else []
    words += [f"add {len(change.added)} items"] if change.added else []
    return ", ".join(words) or "nothing"


def _created(settings: ReleaseSettings) -> str:
    return "create as private" if settings.private else "create"
