"""Finding papers that are listed twice under different ids."""

from __future__ import annotations

import pytest

from dataset_builder.corpus.deduplicate import PaperText, find_copies

ABSTRACT = "We show that small caches are fast, since they need little energy and few wires for each access."
OTHER = "Branch predictors learn from history, and this one forgets what it has seen too long ago in a program."


@pytest.mark.parametrize(
    ("title", "abstract", "is_copy"),
    [
        ("Another Title", OTHER, False),
        ("Small Caches.", OTHER, True),
        ("Another Title", ABSTRACT, True),
        # 11 runs of eight words: 10 of them are left after a change of the last word, 6 after the first five words,
        # and 5 after the first six.
        ("Another Title", ABSTRACT.replace("access", "use"), True),
        ("Another Title", ABSTRACT.replace("We show that small caches", "You show how large disks"), True),
        ("Another Title", ABSTRACT.replace("We show that small caches are", "You show how large disks stay"), False),
        ("Another Title", ABSTRACT + " " + OTHER, True),
        # Fewer than eight words.
        ("Another Title", "Text.", False),
    ],
)
def test_same_title_or_half_of_the_abstract(title: str, abstract: str, is_copy: bool) -> None:
    """Against one paper with 18 words in its abstract."""
    others = [PaperText("10.1/a", "Small Caches", ABSTRACT), PaperText("10.1/c", "Third", "Nothing in common.")]
    assert find_copies([PaperText("10.1/b", title, abstract)], others) == ({"10.1/b"} if is_copy else set())


def test_short_abstracts_are_compared_as_a_whole() -> None:
    """They have no run of eight words."""
    short = PaperText("10.1/a", "A", "Caches are small.")
    assert find_copies([short], [PaperText("10.1/b", "B", "Caches are SMALL!")]) == {"10.1/a"}
    assert find_copies([short], [PaperText("10.1/b", "B", "Caches are large.")]) == set()
