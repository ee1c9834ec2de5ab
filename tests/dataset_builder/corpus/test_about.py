"""The description of a corpus: a file, generic texts, and the sections of the card."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.corpus.about import SECTIONS, About, read_about
from dataset_builder.corpus.build import build
from dataset_builder.corpus.publication.push import push_corpus
from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.errors import InputError
from tests.cards import stray_table_rows
from tests.conftest import REPOSITORY

OPEN_CORPUS = REPOSITORY / "dataset_builder/open_corpus"


def _card(sources: Path, about: About | None = None, license_id: str = "other") -> str:
    build(sources / "papers", sources / "qa", ["t"], ["u"], sources / "corpus", license_id, about=about)
    return (sources / "corpus/README.md").read_text()


def test_card_without_a_file_has_all_sections(sources: Path) -> None:
    """Generic texts that name the venue and the teachers, and neither "None" nor stray table rows."""
    card = _card(sources)
    for section in SECTIONS:
        assert f"\n### {section.capitalize()}\n\n" in card
    assert "about the abstract of a paper of ISCA" in card
    assert "whether the pairs of `t`, `u` were checked." in card
    assert "The abstracts are the original ones." in card
    assert "None\n" not in card and "None " not in card
    assert stray_table_rows(card) == []
    assert "The abstracts are the original ones." in _card(sources, license_id="mit")


def test_keys_of_the_file_replace_the_generic_texts(sources: Path) -> None:
    """Other keys keep them; the report has the description, so that a push and a hydrated copy have it too."""
    about = About(motivation="To see\n\nwhat happens.", biases=["Only\nsmall caches."], creators=["A. Lab"])
    card = _card(sources, about)
    assert "### Motivation\n\nTo see\n\nwhat happens.\n\n### Composition\n\nA row is a question" in card
    assert "Biases:\n\n- Only small caches.\n\n## Licences" in card
    assert (
        "author = {A. Lab},\n" in card and "ISCA-QA developers" not in card and "version" not in card.split("@misc")[1]
    )
    assert read_corpus_report(sources / "corpus").about == about


def test_file_of_the_open_corpus_fills_every_key() -> None:
    """Its numbers are those of the data; README.md in the folder has the same error counts."""
    about = read_about(OPEN_CORPUS / "about.yaml")
    assert None not in about.model_dump().values()
    assert about.creators == ["The ISCA-QA developers"]
    readme = (OPEN_CORPUS / "README.md").read_text()
    text = " ".join(f"{about.composition} {about.preprocessing}".split())
    for part in ("806 papers", "2,418", "727", "1,091 answers"):
        assert part in text and part.split()[0] in readme
    assert "| second | 806 | 161 |" in readme and "| third | 426 | 109 |" in readme
    assert "all 806 papers beside their abstracts and found an error in 161" in text
    assert "third reading of 426 papers found an error in 109" in text


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read (No such file or directory); see"),
        ("motivation: [", "cannot be read as YAML ("),
        ("[]", "the content is [], not a mapping of keys to values"),
        ("motivatoin: x", "unknown key 'motivatoin', the nearest is 'motivation'"),
        ("limitations: []", "limitations is []"),
        ("limitations: x", "limitations is 'x'"),
        ("date_published: soon", "date_published is 'soon'"),
    ],
)
def test_bad_file_is_one_message(sources: Path, content: str | None, complaint: str) -> None:
    """It names option and file; nothing is built."""
    path = sources / "about.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError) as error:
        read_about(path)
    assert str(error.value).startswith(f"--about {path}: ") and complaint in str(error.value)
    assert str(error.value).count("\n") == 0


def test_own_abstracts_belong_to_no_publisher(sources: Path) -> None:
    """With the licence `other`, too. Nobody could restore them, so the corpus is not pushed without them."""
    publishers = "- **Abstracts:** they belong to their authors and publishers"
    assert publishers in _card(sources)
    card = _card(sources, About(own_abstracts=True))
    assert publishers not in card and "- **Abstracts:** they were written for this corpus" in card
    with pytest.raises(InputError, match="--contexts none: the abstracts were written for this corpus"):
        push_corpus(sources / "corpus", "lab/own", "none")
