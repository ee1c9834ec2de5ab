"""Papers from bulk metadata: arXiv's file, and a snapshot of OpenAlex."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.bulk.arxiv import ArxivRecord
from dataset_builder.bulk.run import Imported, import_papers
from dataset_builder.corpus.papers import Paper, read_papers, write_papers
from dataset_builder.errors import InputError

ABSTRACT = (
    "We describe a cache that is asked less often and answers sooner, and measure it on ten programs. It needs no "
    "change to the instruction set, and the time that is spent waiting falls by a third."
)


WITHDRAWN = (
    "This paper has been withdrawn by the authors due to a crucial error in Equation 3, and a corrected version was "
    "posted under a new number, with a proof and with the measurements."
)


def arxiv(number: int, **changes: Any) -> dict[str, Any]:
    """Return a record as arXiv writes it."""
    record = {
        "id": f"2403.{number:05}",
        "authors": "A. Author",
        "title": f"A  Cache,\n  Number {number}",
        "doi": None,
        "categories": "cs.LG cs.AR",
        "abstract": f"  {ABSTRACT.replace('. It', f'.{chr(10)}It')}\n",
    }
    return record | changes


def work(number: int, **changes: Any) -> dict[str, Any]:
    """Return a work as OpenAlex writes it."""
    index: dict[str, list[int]] = {}
    for position, word in enumerate(ABSTRACT.split()):
        index.setdefault(word, []).append(position)
    record = {
        "id": f"https://openalex.org/W{number}",
        "doi": f"https://doi.org/10.1/{number}A",
        "display_name": f"A Cache, Number {number}",
        "publication_year": 2021,
        "type": "article",
        "language": "en",
        "is_retracted": False,
        "primary_topic": {"id": "https://openalex.org/T1", "subfield": {"id": "https://openalex.org/subfields/1708"}},
        "abstract_inverted_index": index,
    }
    return record | changes


def write_lines(path: Path, records: list[dict[str, Any]], more: str = "") -> Path:
    """Write records to a file of JSON Lines, compressed if its name says so."""
    text = "".join(f"{json.dumps(record)}\n" for record in records) + more
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_paper_that_gained_a_doi_is_one_paper(tmp_path: Path) -> None:
    """In two files of arXiv: by its URL the paper of the second file is the one of the first. A folder is no file."""
    (tmp_path / "in/works.json").mkdir(parents=True)
    write_lines(tmp_path / "in/works.json/a.json", [arxiv(1, categories="cs.AR")])
    write_lines(tmp_path / "in/works.json/b.json", [arxiv(1, categories="cs.AR", doi="10.1/a")])
    (tmp_path / "out").mkdir()
    (tmp_path / "out/isca_2024.txt").write_text("notes")
    imported = import_papers("arxiv", [tmp_path / "in"], [], None, tmp_path / "out")
    assert imported == Imported({2024: 1}, {"the paper is there already": 1})
    assert [paper.doi for paper in read_papers(tmp_path / "out")] == [None]


def test_papers_of_arxiv(tmp_path: Path) -> None:
    """Two papers of two years; each other record has one reason to be left out."""
    file = write_lines(
        tmp_path / "arxiv.json",
        [
            arxiv(1),
            arxiv(2, id="cs/9901002", categories="cs.AR", doi="10.1145/ABC.1"),
            arxiv(3, categories="cs.LG"),
            arxiv(4, abstract="Withdrawn."),
            arxiv(5, title="Editorial"),
            arxiv(6, id="1803.00006"),
            arxiv(8, abstract=WITHDRAWN),
            arxiv(1, title="The same paper again"),
        ],
        '{"id": "2403.00007"}\n\n',
    )
    imported = import_papers("arxiv", [file], ["cs.AR", "cs.PF"], {1999, 2024}, tmp_path / "papers")
    assert imported == Imported(
        papers={1999: 1, 2024: 1},
        left_out={
            "of another subject": 1,
            "abstract: too short": 1,
            "abstract: says that there is no abstract": 1,
            "front matter": 1,
            "of another year": 1,
            "the paper is there already": 1,
            "not of the documented shape": 1,
        },
    )
    old, new = read_papers(tmp_path / "papers")
    assert (old.paper_id, old.doi, old.paper_url) == (
        "10.1145/abc.1",
        "10.1145/abc.1",
        "https://arxiv.org/abs/cs/9901002",
    )
    assert new == Paper(
        paper_id="https://arxiv.org/abs/2403.00001",
        title="A Cache, Number 1",
        year=2024,
        venue="arxiv",
        paper_url="https://arxiv.org/abs/2403.00001",
        abstract=ABSTRACT,
        abstract_source="arxiv",
    )
    assert sorted(path.name for path in (tmp_path / "papers").glob("*.jsonl")) == [
        "arxiv_1999.jsonl",
        "arxiv_2024.jsonl",
    ]


def test_papers_that_a_later_crawl_has_are_left_out(tmp_path: Path) -> None:
    """Two DOIs are in both files: one message counts them, and the import run again leaves them out."""
    records = [arxiv(number, doi=f"10.1145/{number}") for number in (1, 2, 3)]
    file = write_lines(tmp_path / "arxiv.json", records)
    import_papers("arxiv", [file], [], None, tmp_path / "papers")
    crawled = [paper.model_copy(update={"venue": "isca"}) for paper in read_papers(tmp_path / "papers")[:2]]
    write_papers(tmp_path / "papers/isca_2024.jsonl", crawled)
    with pytest.raises(
        InputError, match=r"'10\.1145/\d' is a duplicate \(and 1 more\); .*`import`, run after a crawl"
    ):
        read_papers(tmp_path / "papers")
    imported = import_papers("arxiv", [file], [], None, tmp_path / "papers")
    assert imported.left_out == {"the paper is there already": 2}
    assert [paper.venue for paper in read_papers(tmp_path / "papers")].count("isca") == 2


@pytest.mark.parametrize(
    ("id_", "year"),
    [("2403.00001", 2024), ("0704.0001", 2007), ("hep-th/9108001", 1991), ("math.GT/0309136", 2003), ("new", None)],
)
def test_year_of_an_arxiv_id(id_: str, year: int | None) -> None:
    """New ids, and ids with the name of an archive."""
    assert ArxivRecord(id=id_, title="", abstract="", categories="").year == year


def test_papers_of_openalex(tmp_path: Path) -> None:
    """One part of a snapshot, with one paper and works that are left out for one reason each."""
    (tmp_path / "works").mkdir()
    (tmp_path / "works/manifest.json").write_text("{}")
    write_lines(
        tmp_path / "works/part_0000.gz",
        [
            work(1),
            work(2, type="dataset"),
            work(3, is_retracted=True),
            work(4, language="fr"),
            work(5, abstract_inverted_index=None),
            work(6, primary_topic=None),
            work(7, publication_year=None),
            work(8, abstract_inverted_index={"We": [0], "show": [2]}),
        ],
    )
    imported = import_papers("openalex", [tmp_path / "works"], ["1708"], None, tmp_path / "papers")
    assert imported.papers == {2021: 1}
    assert imported.left_out == {
        "of the type dataset": 1,
        "retraction": 1,
        "not in English": 1,
        "abstract: no abstract given": 1,
        "of another subject": 1,
        "without a year": 1,
        "abstract: cut off": 1,
    }
    (paper,) = read_papers(tmp_path / "papers")
    assert (paper.paper_id, paper.paper_url, paper.venue) == ("10.1/1a", "https://doi.org/10.1/1A", "openalex")
    assert (paper.abstract, paper.abstract_source) == (ABSTRACT, "openalex")


@pytest.mark.parametrize("as_text", [True, False])
def test_parquet_is_read_as_json_lines(tmp_path: Path, as_text: bool) -> None:
    """The index of the words is a text of JSON or a mapping; a column that is not needed is not read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    records = [work(number, unread=b"\xff") for number in range(3)]
    if as_text:
        records = [work | {"abstract_inverted_index": json.dumps(work["abstract_inverted_index"])} for work in records]
    mapping = pa.string() if as_text else pa.map_(pa.string(), pa.list_(pa.int32()))
    columns = {name: [record[name] for record in records] for name in records[0]}
    columns["abstract_inverted_index"] = pa.array(
        [index if as_text else list(index.items()) for index in columns["abstract_inverted_index"]], mapping
    )
    pq.write_table(pa.table(columns), tmp_path / "works.parquet")
    lines = write_lines(tmp_path / "works.jsonl", [work(number) for number in range(3)])
    for name, path in (("rows", tmp_path / "works.parquet"), ("lines", lines)):
        assert import_papers("openalex", [path], [], None, tmp_path / name).papers == {2021: 3}
    assert (tmp_path / "rows/openalex_2021.jsonl").read_bytes() == (
        tmp_path / "lines/openalex_2021.jsonl"
    ).read_bytes()


def test_paper_of_a_crawled_venue_is_not_written_again(tmp_path: Path) -> None:
    """The folder stays one that `build` reads; another import replaces the first one."""
    crawled = Paper(
        paper_id="10.1/1a", title="T", year=2021, venue="isca", paper_url="u", doi="10.1/1a", abstract=None
    )
    write_papers(tmp_path / "isca_2021.jsonl", [crawled])
    files = [write_lines(tmp_path / "works.gz", [work(1), work(2)])]
    for _ in range(2):
        assert import_papers("openalex", files, [], None, tmp_path).papers == {2021: 1}
        assert [paper.paper_id for paper in read_papers(tmp_path)] == ["10.1/1a", "10.1/2a"]


@pytest.mark.parametrize("first", ["arxiv", "openalex"])
def test_preprint_that_both_list_is_one_paper(tmp_path: Path, first: str) -> None:
    """OpenAlex lists it by its DOI of arXiv, in lower case; arXiv's own record has the DOI of the journal, or none."""
    preprints = [work(number, doi=f"https://doi.org/10.48550/ARXIV.2403.0000{number}") for number in (1, 2)]
    files = {
        "arxiv": [write_lines(tmp_path / "arxiv.json", [arxiv(1), arxiv(2, doi="10.1/2")])],
        "openalex": [write_lines(tmp_path / "works.gz", preprints)],
    }
    second = next(name for name in files if name != first)
    assert sum(import_papers(first, files[first], [], None, tmp_path / "papers").papers.values()) == 2
    with pytest.raises(InputError, match="2 the paper is there already"):
        import_papers(second, files[second], [], None, tmp_path / "papers")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.json", None, "no.json: give files"),
        ("notes.txt", b"", "notes.txt: give files"),
        ("part.gz", b"plain text", "part.gz: cannot be read .* download it again"),
        ("part.gz", gzip.compress(b"{}" * 999, mtime=0)[:-9], "part.gz: cannot be read .* download it again"),
        ("works.parquet", b"PAR1", "works.parquet: cannot be read"),
        ("works.json", b"{}\n[]\nno\n", r"no paper is left \(3 not of the documented shape\); check --format"),
        ("works.json", b"", r"no paper is left \(no record\)"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    """The message names the file and the remedy, and no file of papers is written."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        import_papers("openalex", [tmp_path / name], [], None, tmp_path / "papers")
    assert not list(tmp_path.glob("papers/*.jsonl"))
