"""The description of a corpus: a file, generic texts, and the sections of the card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.corpus.about import SECTIONS, About, complete_about, read_about
from dataset_builder.corpus.build import build
from dataset_builder.corpus.publication.push import push_corpus
from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.errors import InputError
from tests.cards import stray_table_rows
from tests.conftest import REPOSITORY
from tests.dataset_builder.corpus.publication.test_teachers_card import manifest

OPEN_CORPUS = REPOSITORY / "dataset_builder/open_corpus"


def _card(sources: Path, about: About | None = None, license_id: str = "other") -> str:
    build(sources / "papers", sources / "qa", "t", ["u"], sources / "corpus", license_id, about=about)
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


def test_abstracts_that_were_written_for_the_corpus_are_named_so(sources: Path) -> None:
    """The key of the description says it, not the licence."""
    bold = "**The abstracts are not the original ones.** They were written for this corpus"
    for own in (True, False):
        card = _card(sources, About(own_abstracts=own), license_id="mit")
        assert (bold in card) is own
        assert ("The abstracts were written for this corpus." in card) is own


def test_own_abstracts_belong_to_no_publisher(sources: Path) -> None:
    """With the licence `other`, too. Nobody could restore them, so the corpus is not pushed without them."""
    publishers = "- **Abstracts:** they belong to their authors and publishers"
    assert publishers in _card(sources)
    card = _card(sources, About(own_abstracts=True))
    assert publishers not in card and "- **Abstracts:** they were written for this corpus" in card
    with pytest.raises(InputError, match="--contexts none: the abstracts were written for this corpus"):
        push_corpus(sources / "corpus", "lab/own", "none")


def test_keys_of_the_file_replace_the_generic_texts(sources: Path) -> None:
    """Other keys keep them; the report has the description, so that a push and a hydrated copy have it too."""
    about = About(motivation="To see\n\nwhat happens.", biases=["Only\nsmall caches."], creators=["A. Lab"])
    card = _card(sources, about)
    assert "### Motivation\n\nTo see\n\nwhat happens.\n\n### Composition\n\nA row is a question" in card
    assert "Biases:\n\n- Only small caches.\n\n## Licences" in card
    assert "author = {A. Lab},\n" in card and "ISCA-QA developers" not in card
    assert read_corpus_report(sources / "corpus").about == about


def test_keys_without_a_generic_value(corpus: Path) -> None:
    """Nobody but the builder of the corpus knows them; a manifest shows that a model wrote pairs."""
    report = read_corpus_report(corpus)
    missing = {"version", "date_published", "creators"}
    for teachers, without in (
        ({"detailed": None, "plain": None}, missing | {"synthetic"}),
        ({"detailed": manifest(), "plain": None}, missing),
    ):
        values = complete_about(report.model_copy(update={"teachers": teachers}), "ISCA").model_dump()
        assert {key for key, value in values.items() if value is None} == without


def test_card_without_creators_cites_no_author(sources: Path) -> None:
    """The corpus is not by the developers of this project."""
    card = _card(sources)
    assert "abstracts},\n  year = {" in card
    assert "author =" not in card and "ISCA-QA developers" not in card


def test_file_of_the_open_corpus_fills_every_key() -> None:
    """Its numbers are those of the data; README.md in the folder has the same error counts."""
    about = read_about(OPEN_CORPUS / "about.yaml")
    assert None not in about.model_dump().values()
    assert (about.creators, about.synthetic) == (["The ISCA-QA developers"], True)
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


def test_command_reads_the_file(sources: Path, stage: Callable) -> None:
    """A wrong key ends with exit code 2 before anything is written; dates may have quotes or none."""
    path = sources / "about.yaml"
    path.write_text("uses: Tests.\ndate_published: 2026-11-25\n")
    words = (
        "dataset_builder",
        "build",
        "--papers",
        sources / "papers",
        "--qa",
        sources / "qa",
        "--train-teacher",
        "t",
    )
    words += ("--test-teachers", "u", "--out", sources / "corpus", "--about", path)
    assert stage(*words).returncode == 0
    assert read_corpus_report(sources / "corpus").about == About(uses="Tests.", date_published="2026-11-25")
    path.write_text("usage: Tests.")
    done = stage(*words)
    assert (done.returncode, done.stderr.count("\n"), "unknown key 'usage'" in done.stderr) == (2, 1, True), (
        done.stderr
    )
