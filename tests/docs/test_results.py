"""README.md stays short, names the sources of its figures, and shows the scores of results/."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from docs import results
from eval.analysis.scores import read_scores
from tests.conftest import REPOSITORY

PAGES = ("README.md", "docs/evaluation.md")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the pages that show scores, where `docs.results` writes."""
    for folder in ("results", "docs/images"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    for page in PAGES:
        shutil.copy(REPOSITORY / page, tmp_path / page)
    monkeypatch.setattr(results, "REPOSITORY", tmp_path)
    monkeypatch.setattr(sys, "argv", ["results"])
    return tmp_path


def test_readme_is_one_page() -> None:
    """README.md has at most 130 lines."""
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


@pytest.mark.parametrize("page", ["README.md", "RESULTS.md"])
def test_figures_name_their_sources(page: str) -> None:
    """The page says whose weights, abstracts and pairs the figures rest on."""
    text = " ".join((REPOSITORY / page).read_text(encoding="utf-8").split())
    for source in ("restored from a 4-bit file", "abstracts", "a large language model wrote"):
        assert source in text.replace("A large", "a large")


def test_results_are_up_to_date(copy: Path) -> None:
    """The pages and the figures equal what `python -m docs.results` writes."""
    results.main()
    for name in (*PAGES, "docs/images/results-light.svg", "docs/images/results-dark.svg"):
        assert (copy / name).read_bytes() == (REPOSITORY / name).read_bytes(), f"run python -m docs.results: {name}"


def test_a_changed_score_is_replaced(copy: Path) -> None:
    """A score that a hand changed does not survive, and the text around the table does."""
    page = copy / "README.md"
    before = page.read_text(encoding="utf-8")
    mean = read_scores(results.SCORES).systems["lora"].configs["plain"].metrics["cosine_similarity"].mean
    changed = before.replace(f"| **lora** | {mean:.3f} (", "| **lora** | 9.999 (")
    assert changed != before
    page.write_text(changed, encoding="utf-8")
    results.main()
    assert page.read_text(encoding="utf-8") == before
