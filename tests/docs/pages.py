"""Read the documentation as the tests check it: pages, fenced blocks, commands, links and anchors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "RESULTS.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
# An entry names its commit; its commands and paths belong to that commit.
HISTORY = [REPOSITORY / "RESULTS.md", REPOSITORY / "CHANGELOG.md"]
CURRENT_PAGES = [page for page in PAGES if page not in HISTORY]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?:\[[^\]]*\]\(|(?:src|srcset|href)=\")([^)\s\"]+)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ASSIGNMENT = re.compile(r"[A-Za-z_]+=")


@dataclass(frozen=True)
class Command:
    """A command line in a page: its words, and the page and text to name in a failure."""

    words: list[str]
    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """Yield the fenced blocks of a page in one of the languages."""
    for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield text


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[Command]:
    """Yield every command of the shell blocks of a page, and every `make ...` and `python -m ...` in its text.

    Variables that a block sets (`BEST=...`) are put in where the block uses them (`$BEST`).
    """
    for block in blocks(page, "bash"):
        variables: dict[str, str] = {}
        for line in block.replace("\\\n", " ").splitlines():
            for name, value in variables.items():
                line = line.replace(f"${name}", value)
            words = shlex.split(line, comments=True)
            if words and all(ASSIGNMENT.match(word) for word in words):
                variables |= dict(word.split("=", 1) for word in words)
            elif words:
                yield Command(words, page.name, line)
    for span in CODE_SPAN.findall(prose(page)):
        if re.match(r"(make|python -m|accelerate launch) ", span) and "..." not in span:
            words = shlex.split(span)
            # Without options the text names a stage; its --help shows that it exists.
            names_a_stage = words[0] == "python" and not any(word.startswith("--") for word in words)
            yield Command([*words, "--help"] if names_a_stage else words, page.name, span)


def links(page: Path) -> Iterator[str]:
    """Yield the target of every link and image of a page."""
    yield from LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the documentation site make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(prose(page))
    }
