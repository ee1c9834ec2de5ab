"""Merging a card: the generated section is replaced, and hand-written text stays."""

from __future__ import annotations

import pytest

from dataset_builder.errors import InputError
from dataset_builder.hub.card_merge import BEGIN, END, merge_card, render_card

OURS = render_card({"license": "mit", "tags": ["new"]}, "# New")


def test_new_repo_gets_the_card_as_it_is() -> None:
    """Metadata, and the text between the markers."""
    assert merge_card(OURS, None) == OURS
    assert f"---\nlicense: mit\ntags:\n- new\n---\n\n{BEGIN}\n\n# New\n\n{END}\n" == OURS


def test_own_words_and_keys_stay() -> None:
    """Before, after, and a key; a key that the project wrote once and no longer does goes."""
    theirs = f"---\nlicense: apache-2.0\nmodel-index: []\nextra: 1\n---\nBefore.\n{BEGIN}\nOld.\n{END}\nAfter.\n"
    merged = merge_card(OURS, theirs)
    assert merged == f"---\nlicense: mit\ntags:\n- new\nextra: 1\n---\n\nBefore.\n{BEGIN}\n\n# New\n\n{END}\nAfter.\n"
    assert merge_card(OURS, merged) == merged


@pytest.mark.parametrize("front", ["", "---\nextra: 1\n---\n"])
def test_card_without_markers_is_hand_written(front: str) -> None:
    """It comes after ours, and again the second time, not twice."""
    merged = merge_card(OURS, f"{front}# Mine\n\n---\n\nA rule above.\n")
    assert merged.endswith(f"{END}\n\n# Mine\n\n---\n\nA rule above.\n")
    assert ("extra: 1" in merged) == bool(front)
    assert merge_card(OURS, merged) == merged


@pytest.mark.parametrize("above", ["", f"{BEGIN}\n\n# New\n\n{END}\n\n"])
def test_section_without_its_end_marker_is_refused(above: str) -> None:
    """The old section would stay below the new one forever; a whole section above it changes nothing."""
    with pytest.raises(InputError, match=f"README.md in the repo: the line '{END}' is missing .*; put it back"):
        merge_card(OURS, f"Before.\n{above}{BEGIN}\nOld.\n")


@pytest.mark.parametrize("front", ["- a list", "a: [broken", "only words"])
def test_card_with_broken_metadata_is_named(front: str) -> None:
    """The message says where to correct it."""
    with pytest.raises(InputError, match=r"cannot be read .* correct it on the Hub"):
        merge_card(OURS, f"---\n{front}\n---\nMine.")
