"""Compare a collection with the items that it must hold. tests/model_cards/test_release.py writes collections."""

from __future__ import annotations

import pytest
from huggingface_hub import Collection

from dataset_builder.hub.collection import Item, compare_items

A, B, C = (Item("model", f"lab/{name}", f"Note on {name}.") for name in "abc")


def _collection(*items: tuple[str, str, str]) -> Collection:
    """Return a collection with items of type, id and note, as the Hub describes it."""
    return Collection(
        slug="lab/all-0",
        title="All",
        owner={"name": "lab"},
        items=[
            {"_id": str(place), "type": kind, "id": repo, "note": {"text": note}, "position": place}
            for place, (kind, repo, note) in enumerate(items)
        ],
        lastUpdated="2026-01-01T00:00:00.000Z",
        **{"position": 0, "private": False, "theme": "blue", "upvotes": 0},
    )


def _held(item: Item, note: str | None = None) -> tuple[str, str, str]:
    return item.repo_type, item.repo_id, note or item.note


@pytest.mark.parametrize(
    ("held", "wanted", "added", "noted", "is_reordered"),
    [
        ([], [A, B], [A, B], [], False),
        ([_held(A), _held(B)], [A, B], [], [], False),
        ([_held(A)], [A, B], [B], [], False),
        ([_held(A), _held(C)], [A, B, C], [B], [], True),
        ([_held(B), _held(A, "Old.")], [A, B], [], [A], True),
        # People's items, one of them a dataset of the same name, stay between ours.
        ([_held(A), ("dataset", "lab/b", "Theirs."), ("paper", "2301.1", ""), _held(B)], [A, B], [], [], False),
        ([("dataset", "lab/a", "Theirs.")], [A], [A], [], False),
    ],
)
def test_difference(
    held: list[tuple[str, str, str]], wanted: list[Item], added: list[Item], noted: list[Item], is_reordered: bool
) -> None:
    """Items to add at the end, notes to change, and whether the items are then in another order."""
    change = compare_items(_collection(*held), wanted)
    assert (change.added, change.noted, change.is_reordered) == (added, noted, is_reordered)
    assert change.url is not None and change.url.endswith("/collections/lab/all-0")


def test_new_collection() -> None:
    """Everything is added."""
    change = compare_items(None, [A, B])
    assert (change.url, change.added, change.noted, change.is_reordered) == (None, [A, B], [], False)
