"""The generated parts of README.md and docs/ are up to date."""

from __future__ import annotations

import pytest

from dataset_builder.errors import InputError
from dataset_builder.grounding.names import COMMON_WORDS
from docs.draw_figures import figure_sources
from docs.generate_common_words import common_words
from docs.generate_formats import DOCS, formats_page, schema_files, type_name
from docs.results import Results
from docs.update_results import pages, update
from tests.conftest import REPOSITORY


def test_readme_is_one_page() -> None:
    """README.md has at most 130 lines."""
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


@pytest.mark.parametrize("page", ["README.md", "RESULTS.md"])
def test_figures_name_their_sources(page: str) -> None:
    """Whose weights, abstracts and pairs the figures rest on."""
    text = " ".join((REPOSITORY / page).read_text(encoding="utf-8").split())
    for source in ("restored from a 4-bit file", "real abstracts", "a large language model wrote"):
        assert source in text.replace("A large", "a large")


def test_results_are_up_to_date() -> None:
    """The tables and examples match results/."""
    results = Results()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        assert update(text, results) == text, f"{page.name}: run python -m docs.update_results"


def test_common_words_are_up_to_date() -> None:
    """They are the words of the open corpus."""
    assert sorted(COMMON_WORDS) == common_words(), "run python -m docs.generate_common_words"


def test_a_changed_score_is_found() -> None:
    """A score that a hand changed does not survive the update, and other text does."""
    results = Results()
    text = "before\n<!-- results: full table -->\n9.999\n<!-- end of results -->\nafter 9.999\n"
    updated = update(text, results)
    assert updated.count("9.999") == 1
    for name in ("full", "lora"):
        assert f"| **{name}** | {results.mean(name, 'plain'):.3f} (" in updated
    assert update(updated, results) == updated


def test_an_unknown_part_is_refused() -> None:
    """The error names the part and the parts that exist."""
    with pytest.raises(InputError, match=r"no such table.*headline table"):
        update("<!-- results: no such table -->\n<!-- end of results -->\n", Results())


def test_figures_are_up_to_date() -> None:
    """Each figure's description has the hash of the data that it shows."""
    for path, source in figure_sources().items():
        assert source in path.read_text(encoding="utf-8"), f"{path.name}: run python -m docs.draw_figures"


def test_formats_are_up_to_date() -> None:
    """docs/formats.md and docs/schemas/ equal what the models give."""
    for path, text in {DOCS / "formats.md": formats_page(), **schema_files()}.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m docs.generate_formats"
    assert {path.name for path in (DOCS / "schemas").iterdir()} == {path.name for path in schema_files()}


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"type": "string"}, "string"),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "number or null"),
        ({"type": "array", "items": {"$ref": "#/$defs/StepLoss"}}, "list of [StepLoss](#steploss)"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "mapping of string to integer"),
        ({"enum": ["full", "lora"]}, '`"full"` or `"lora"`'),
    ],
)
def test_type_name(schema: dict[str, object], name: str) -> None:
    """A JSON schema's type is written in words."""
    assert type_name(schema) == name
