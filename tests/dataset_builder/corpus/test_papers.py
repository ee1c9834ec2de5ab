"""Reading papers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataset_builder.corpus.papers import read_papers
from dataset_builder.errors import InputError
from tests.conftest import append

PAPER = {
    "paper_id": "10.1/a",
    "title": "A",
    "year": 2020,
    "venue": "isca",
    "paper_url": "https://doi.org/10.1/a",
    "abstract": "Text.",
}


def test_files_of_other_names_are_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A crawl report lies beside the papers; a warning names other files, once for each."""
    append(tmp_path / "isca_2020.jsonl", PAPER)
    append(tmp_path / "crawl_report.json", {"no": "paper"})
    assert len(read_papers(tmp_path)) == 1
    assert caplog.messages == []
    append(tmp_path / "mypapers.jsonl", PAPER)
    append(tmp_path / "ISCA_2021.json", [])
    assert len(read_papers(tmp_path)) == len(read_papers(tmp_path)) == 1
    assert [message.partition(": not read, since its name is not")[0] for message in caplog.messages] == [
        str(tmp_path / name) for name in ("ISCA_2021.json", "mypapers.jsonl")
    ]


def test_raw_list_takes_id_from_doi_and_year_from_name(tmp_path: Path) -> None:
    """A JSON list with title, paper_url and abstract only; the second paper has no DOI."""
    records = [
        {"title": "A", "paper_url": "https://doi.org/10.1109/ISCA.2006.9", "abstract": "Text."},
        {"title": "B", "paper_url": "https://example.org/b", "abstract": None},
    ]
    (tmp_path / "isca_2006.json").write_text(json.dumps(records))
    first, second = read_papers(tmp_path)
    assert (first.paper_id, first.year, first.venue) == ("10.1109/isca.2006.9", 2006, "isca")
    assert (second.paper_id, second.abstract) == ("https://example.org/b", None)


@pytest.mark.parametrize(
    "paper_id",
    ["10.1/A", "https://doi.org/10.1/A", "HTTP://DX.DOI.ORG/10.1/a", "doi.org/10.1/a", "doi:10.1/a", " 10.1/a "],
)
def test_paper_id_of_a_doi_has_one_form(tmp_path: Path, paper_id: str) -> None:
    """However the DOI is written."""
    append(tmp_path / "isca_2020.jsonl", {**PAPER, "paper_id": paper_id})
    assert [paper.paper_id for paper in read_papers(tmp_path)] == ["10.1/a"]


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({key: value for key, value in PAPER.items() if key != "title"}, "has no 'title'"),
        ({key: value for key, value in PAPER.items() if key != "abstract"}, "has no 'abstract'"),
        # The venue names the file of the pairs: `generate` must not leave its folder, nor `build` miss the file.
        ({**PAPER, "year": 2021}, "the paper is of isca_2021; correct it, or move it to isca_2021.jsonl"),
        ({**PAPER, "venue": "ISCA"}, "venue is 'ISCA': a venue has lower-case letters and digits only"),
        ({**PAPER, "venue": "isca-w"}, "venue is 'isca-w': a venue has lower-case letters and digits only"),
        ({**PAPER, "venue": "../../../evil"}, "a venue has lower-case letters and digits only"),
        (PAPER, "is a duplicate"),
        ({**PAPER, "paper_id": "https://doi.org/10.1/A", "abstract": "Other text."}, "'10.1/a' is a duplicate"),
        ({**PAPER, "paper_id": "10.1/A", "title": "B"}, "'10.1/a' is a duplicate"),
    ],
)
def test_bad_record_is_named_by_file_and_line(tmp_path: Path, record: object, complaint: str) -> None:
    """The bad record is the third line, after a good one and a blank one."""
    path = tmp_path / "isca_2020.jsonl"
    append(path, PAPER)
    path.write_text(path.read_text() + "\n")
    append(path, record)
    with pytest.raises(InputError) as caught:
        read_papers(tmp_path)
    assert f"{path}:3: " in str(caught.value)
    assert complaint in str(caught.value)


def test_folder_without_papers_is_refused(tmp_path: Path) -> None:
    """One folder that is missing, and one that is empty."""
    with pytest.raises(InputError, match="folder not found"):
        read_papers(tmp_path / "missing")
    with pytest.raises(InputError, match="holds no file named VENUE_YEAR"):
        read_papers(tmp_path)
