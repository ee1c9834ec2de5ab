"""Hold repos together in one collection of the Hub, with a note on each.

Items that people added to the collection, and the notes and the order of all items in it, stay as they are.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dataset_builder.errors import InputError
from dataset_builder.hub.errors import translate_hub_errors

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
    """The items that an update adds, and the URL of the collection, which is None if it does not exist."""

    url: str | None
    added: list[Item]


def update_collection(
    namespace: str, title: str, description: str, items: list[Item], private: bool, dry_run: bool
) -> CollectionChange:
    """Add the missing ones of `items` to the collection `title` of a user or organisation, in their order.

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
    held = {(item.item_type, item.item_id) for item in found.items} if found else set()
    change = CollectionChange(found.url if found else None, [item for item in items if item.key not in held])
    if dry_run:
        return change
    with translate_hub_errors(name, "collection", INCOMPLETE, always=True):
        if found is None:
            found = api.create_collection(
                title, namespace=namespace, description=description, private=private, exists_ok=True
            )
        for item in change.added:
            # The Hub refuses an item that it does not have.
            with translate_hub_errors(item.repo_id, item.repo_type, INCOMPLETE):
                api.add_collection_item(found.slug, item.repo_id, item.repo_type, note=item.note, exists_ok=True)
    return replace(change, url=found.url)


def _find(api: "HfApi", namespace: str, title: str) -> "Collection | None":
    for collection in api.list_collections(owner=namespace):
        if collection.title == title:
            # The list has only the first items of each collection.
            return api.get_collection(collection.slug)
    return None
