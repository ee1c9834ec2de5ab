"""Hold repos together in one collection of the Hub, in a given order and with a note on each.

Items that people added to the collection stay in it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from dataset_builder.errors import InputError
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.rate_limit import retry_on_rate_limit

if TYPE_CHECKING:
    from huggingface_hub import Collection, HfApi

INCOMPLETE = "run the same command again to complete the collection"
# Type and id of an item: two repos of different types can have the same id.
ItemKey = tuple[str, str]


@dataclass(frozen=True)
class Item:
    """A repo in a collection, with its note of at most 500 characters."""

    repo_type: Literal["model", "dataset", "space"]
    repo_id: str
    note: str

    @property
    def key(self) -> ItemKey:
        """Return the type and the id."""
        return (self.repo_type, self.repo_id)


@dataclass(frozen=True)
class CollectionChange:
    """The difference that an update makes: items to add, items with a new note, and whether items change places.

    `url` is None for a collection that does not exist.
    """

    url: str | None
    added: list[Item]
    noted: list[Item]
    is_reordered: bool


def update_collection(
    namespace: str, title: str, description: str, items: list[Item], private: bool, dry_run: bool
) -> CollectionChange:
    """Make the collection `title` of a user or organisation hold `items`, in their order.

    A collection that does not exist is created; `description` has at most 150 characters. After an interruption the
    same call completes it. With `dry_run` the collection is only compared with `items`. Raises `InputError` with a
    remedy for everything that the Hub refuses.
    """
    from huggingface_hub import HfApi

    api, name = HfApi(), f"{namespace}/{title}"
    with translate_hub_errors(name, "collection"):
        found = _find(api, namespace, title)
    if found is not None and private and not found.private:
        raise InputError(f"--private: the collection {name} is already public; make it private on the Hub first")
    change = compare_items(found, items)
    if dry_run:
        return change
    options: dict[str, Any]
    with translate_hub_errors(name, "collection", INCOMPLETE, always=True):
        if found is None:
            options = {"namespace": namespace, "description": description, "private": private, "exists_ok": True}
            found = retry_on_rate_limit(api.create_collection, title, **options)
        for item in change.added:
            options = {"note": item.note, "exists_ok": True}
            # The Hub refuses an item that it does not have.
            with translate_hub_errors(item.repo_id, item.repo_type, INCOMPLETE):
                found = retry_on_rate_limit(
                    api.add_collection_item, found.slug, item.repo_id, item.repo_type, **options
                )
        ids = {(held.item_type, held.item_id): held.item_object_id for held in found.items}
        for item in change.noted:
            retry_on_rate_limit(api.update_collection_item, found.slug, ids[item.key], note=item.note)
        for position, item in enumerate(items if change.is_reordered else []):
            retry_on_rate_limit(api.update_collection_item, found.slug, ids[item.key], position=position)
    return replace(change, url=found.url)


def compare_items(found: "Collection | None", items: list[Item]) -> CollectionChange:
    """Return the difference that an update of the collection `found` to `items` makes; None does not exist."""
    held = sorted(found.items, key=lambda item: item.position) if found else []
    notes: dict[ItemKey, str | None] = {(item.item_type, item.item_id): item.note for item in held}
    wanted = [item.key for item in items]
    added = [item for item in items if item.key not in notes]
    # A new item is added at the end.
    order = [*(key for key in notes if key in wanted), *(item.key for item in added)]
    return CollectionChange(
        url=found.url if found else None,
        added=added,
        noted=[item for item in items if item.key in notes and notes[item.key] != item.note],
        is_reordered=order != wanted,
    )


def _find(api: "HfApi", namespace: str, title: str) -> "Collection | None":
    for collection in retry_on_rate_limit(lambda: list(api.list_collections(owner=namespace))):
        if collection.title == title:
            # The list has only the first items of each collection.
            return retry_on_rate_limit(api.get_collection, collection.slug)
    return None
