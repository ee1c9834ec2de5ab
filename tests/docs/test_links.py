"""Links, anchors, paths and recipes that the documentation names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import CODE_SPAN, CURRENT_PAGES, PAGES, anchors, links, prose

# A path in a code span is checked if it starts with one of these; others (data/, runs/, qa/) are written by runs.
PACKAGES = ("dataset_builder", "eval", "training", "model_cards")
CHECKED_FOLDERS = (*PACKAGES, "jobs", "docs", "notebooks", "tests", "results", ".github", ".ci")
PLACEHOLDERS = re.compile(r"NAME|TEACHER|VENUE|\*")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    """Every relative link leads to a file, and its anchor to a heading there."""
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.is_file(), f"{page.name}: {link} does not exist"
        # An image may name the colour scheme in which the site shows it.
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{page.name}: {link} has no such heading"


def test_links_are_found() -> None:
    """Guard against a pattern that finds nothing."""
    assert sum(len(list(links(page))) for page in PAGES) > 50


@pytest.mark.parametrize("page", CURRENT_PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    """Every path of the repository in a code span exists."""
    for span in CODE_SPAN.findall(prose(page)):
        if not re.fullmatch(r"[\w.*-]+(/[\w.*-]*)+", span) or PLACEHOLDERS.search(span):
            continue
        if span.split("/")[0] in CHECKED_FOLDERS:
            assert (REPOSITORY / span).exists(), f"{page.name}: {span} does not exist"


def test_recipe_table_is_complete() -> None:
    """The table in docs/training.md names every recipe, and no other."""
    table = re.findall(r"^\| (`.+?) \|", (REPOSITORY / "docs/training.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in table for name in CODE_SPAN.findall(row)}
    assert named == {path.stem for path in (REPOSITORY / "training/recipes").glob("*.yaml")}


def test_every_page_is_in_the_navigation() -> None:
    """The site's configuration lists each page of docs/."""
    configured = set(re.findall(r'"([\w-]+\.md)"', (REPOSITORY / "zensical.toml").read_text(encoding="utf-8")))
    assert configured == {page.name for page in (REPOSITORY / "docs").glob("*.md")}
