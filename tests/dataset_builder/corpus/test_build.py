"""The build: rows, files, report, errors and kills."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_builder.corpus.build import build
from dataset_builder.corpus.load import corpus_revision
from dataset_builder.corpus.report import (
    CorpusReport,
    CorpusYear,
    PaperCounts,
    SplitCounts,
    read_corpus_report,
)
from dataset_builder.corpus.rows import read_rows
from dataset_builder.corpus.split_files import find_split_files
from dataset_builder.corpus.splits import SplitRule
from dataset_builder.errors import InputError
from tests.conftest import REPOSITORY, append, contents
from tests.corpus_slice import CORPUS_SLICE

WORDS = ("--papers", CORPUS_SLICE / "papers", "--qa", CORPUS_SLICE / "qa", "--train-teachers", "detailed")


def _build(sources: Path, test_teachers: tuple[str, ...] = ("u",)) -> CorpusReport:
    return build(sources / "papers", sources / "qa", ["t"], list(test_teachers), sources / "corpus", "other")


def test_new_process_loads_both_configs(corpus: Path) -> None:
    """`load_dataset` reads the folder by config, and without one takes the first; every column has its value."""
    program = (
        "import json, sys; from datasets import load_dataset\n"
        "plain, detailed, default = (load_dataset(sys.argv[1], *name) for name in (['plain'], ['detailed'], []))\n"
        "print(json.dumps([{s: plain[s].to_list() for s in plain}, {s: detailed[s].to_list() for s in detailed},\n"
        "                  default['test'].to_list()]))"
    )
    done = subprocess.run([sys.executable, "-c", program, corpus], capture_output=True, text=True, check=True)
    plain, detailed, default_test = json.loads(done.stdout.splitlines()[-1])
    assert default_test == plain["test"] != detailed["test"]
    assert plain["train"] == detailed["train"]
    pairs = [json.loads(line) for path in (CORPUS_SLICE / "qa/plain").glob("*.jsonl") for line in path.open()]
    papers = {
        paper["paper_id"]: paper
        for path in (CORPUS_SLICE / "papers").glob("*.jsonl")
        for paper in map(json.loads, path.open())
    }
    expected = [
        {
            "instruction": "Read the abstract and answer the question",
            "context": papers[pair["paper_id"]]["abstract"],
            "context_sha256": hashlib.sha256(papers[pair["paper_id"]]["abstract"].encode()).hexdigest(),
            "question": pair["question"],
            "answer": pair["answer"],
            "paper_id": pair["paper_id"],
            "title": papers[pair["paper_id"]]["title"],
            "year": papers[pair["paper_id"]]["year"],
            "paper_url": papers[pair["paper_id"]]["paper_url"],
            "teacher": "plain",
            "kind": "question",
        }
        for pair in pairs
    ]
    by_question = sorted(expected, key=lambda row: (row["paper_id"], row["question"]))
    assert sorted(plain["test"], key=lambda row: (row["paper_id"], row["question"])) == by_question


def test_no_paper_is_in_two_splits(corpus: Path) -> None:
    """Counted from the Parquet files."""
    import pyarrow.parquet as pq

    for config in ("plain", "detailed"):
        papers = [
            set(pq.read_table(corpus / f"{path}-00000-of-00001.parquet")["paper_id"].to_pylist())
            for path in ("detailed/train", "detailed/validation", f"{config}/test")
        ]
        assert all(papers)
        assert sum(map(len, papers)) == len(set.union(*papers))


def test_train_and_validation_are_stored_once(corpus: Path) -> None:
    """In the folder of the training teacher. A missing file is an error that names the split."""
    assert sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*.parquet")) == [
        f"{name}-00000-of-00001.parquet"
        for name in ("detailed/test", "detailed/train", "detailed/validation", "plain/test")
    ]
    assert corpus_revision(str(corpus)) == read_corpus_report(corpus).revision
    with pytest.raises(InputError, match="has no Parquet file of the split 'train' of 'plain'; build it again"):
        find_split_files(corpus, ["plain"], "gemma")


def test_report_counts_what_was_left_out(sources: Path) -> None:
    """By hand: one question asked twice, one paper without an abstract, one training pair on a test paper."""
    (sources / "papers/isca_2019.jsonl").write_text(
        (sources / "papers/isca_2023.jsonl")
        .read_text()
        .replace("10.1/test", "10.1/none")
        .replace("2023", "2019")
        .replace('"The abstract of A Test. It says that caches are small."', "null")
    )
    append_pair(sources, "t", 2020, "10.1/train", "question  1 on a train?")
    append_pair(sources, "t", 2020, "10.1/none", "Question on none?")
    append_pair(sources, "t", 2023, "10.1/test", "Question by t on a test paper?")
    report = _build(sources)
    assert report.dropped.train == {
        "the question is asked twice about the paper": 1,
        "the paper has no abstract": 1,
        "the paper is from a test year": 1,
    }
    assert report.dropped.test == {"u": {}}
    years = {"2019": 1, "2020": 2, "2023": 1}
    assert report.papers == PaperCounts(read=4, with_abstract=3, by_year=years, by_venue={"isca": years})
    year = CorpusYear(papers=1, pairs=2)
    assert report.configs["u"]["train"] == SplitCounts(papers=1, pairs=2, by_year={"2020": year})
    assert report.papers_in_two_splits == {"u": 0}


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, as it stands."""
    path.write_text(f"{path.read_text()}{line}\n")


def append_pair(sources: Path, teacher: str, year: int, paper_id: str, question: str) -> None:
    """Add a pair to the sources."""
    pair = {"paper_id": paper_id, "teacher": teacher, "question": question, "answer": "Yes."}
    append(sources / f"qa/{teacher}/isca_{year}.jsonl", pair)


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("qa/t/isca_2020.jsonl", '{"paper_id": "10.1/train", "teacher": "t", "question": "Q?"}', "has no 'answer'"),
        (
            "qa/t/isca_2020.jsonl",
            '{"paper_id": "10.1/unknown", "teacher": "t", "question": "Q?", "answer": "A."}',
            "the paper '10.1/unknown', which is in no papers file",
        ),
        (
            "qa/t/isca_2020.jsonl",
            '{"paper_id": "10.1/train", "teacher": "u", "question": "Q?", "answer": "A."}',
            "'teacher' is 'u' in the folder of 't'",
        ),
        ("qa/t/isca_2020.jsonl", '{"paper_id": ', "not a JSON line"),
        ("papers/isca_2020.jsonl", '{"paper_id": "10.1/x", "title": "X"}', "has no 'year'"),
    ],
)
def test_bad_line_names_file_and_line_and_writes_nothing(
    sources: Path, stage: Callable, file: str, line: str, complaint: str
) -> None:
    """The command exits 2 with one line and no traceback, and the output folder is as it was."""
    _build(sources)
    before = contents(sources / "corpus")
    path = sources / file
    number = path.read_text().count("\n") + 1
    append_line(path, line)
    done = stage(
        *("dataset_builder", "build", "--papers", sources / "papers", "--qa", sources / "qa"),
        *("--train-teachers", "t", "--test-teachers", "u", "--out", sources / "corpus"),
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {path}:{number}: ") and complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert contents(sources / "corpus") == before
    assert sorted(entry.name for entry in sources.iterdir()) == ["corpus", "papers", "qa"]


@pytest.mark.parametrize(
    "change", [{"title": "A test!"}, {"abstract": "The abstract of a test: it says that caches are small"}]
)
def test_paper_with_two_ids_is_in_the_later_split_only(sources: Path, change: dict[str, str]) -> None:
    """A training paper that is a test paper under another DOI: its pair is dropped and counted."""
    paper = json.loads((sources / "papers/isca_2020.jsonl").read_text().splitlines()[0])
    paper |= {"paper_id": "10.1/train2", "title": "Preprint", "abstract": "A text of its own."} | change
    append(sources / "papers/isca_2020.jsonl", paper)
    append_pair(sources, "t", 2020, "10.1/train2", "What is in the preprint?")
    report = _build(sources)
    assert report.dropped.train == {"the same paper has another id in the test split": 1}
    assert report.configs["u"]["train"].papers == 1
    assert report.papers_in_two_splits == {"u": 0}


def test_training_paper_with_the_smallest_hash_is_taken_for_validation(sources: Path, stage: Callable) -> None:
    """Both papers of 2020 have larger hashes than the share: 0.67 and, by `sha256sum`, 0.0177 for the other one."""
    done = stage(
        *("dataset_builder", "build", "--papers", sources / "papers", "--qa", sources / "qa", "--train-teachers", "t"),
        *("--test-teachers", "u", "--out", sources / "corpus", "--validation-share", "0.01"),
    )
    assert done.returncode == 0, done.stderr
    assert "the training paper with the smallest hash is taken: 10.1/validation22" in done.stdout
    report = read_corpus_report(sources / "corpus")
    assert report.validation_fallback == "10.1/validation22"
    assert report.split_rule == SplitRule(validation_share=0.01)
    assert [report.configs["u"][split].papers for split in ("train", "validation", "test")] == [1, 1, 1]
    assert "10.1/validation22" in (sources / "corpus/README.md").read_text()


def test_corpus_of_late_years_has_training_papers(sources: Path) -> None:
    """All papers are of 2022 or later; the border is an option, which the card names."""
    for path in (sources / "papers/isca_2020.jsonl", sources / "qa/t/isca_2020.jsonl"):
        path.with_name("isca_2022.jsonl").write_text(path.read_text().replace("2020", "2022"))
        path.unlink()
    with pytest.raises(InputError, match=r"'train' would be empty.* --first-test-year"):
        _build(sources)
    rule = SplitRule(first_test_year=2023)
    build(sources / "papers", sources / "qa", ["t"], ["u"], sources / "corpus", "other", rule)
    card = (sources / "corpus/README.md").read_text()
    assert "on papers before 2023." in card and "2022 on" not in card


@pytest.mark.parametrize(
    "words", [("--validation-share", "0"), ("--validation-share", "nan"), ("--first-test-year", "20")]
)
def test_split_rule_that_cannot_be_is_refused(sources: Path, stage: Callable, words: tuple[str, str]) -> None:
    """The message says what to give."""
    done = stage(
        *("dataset_builder", "build", "--papers", sources / "papers", "--qa", sources / "qa", "--train-teachers", "t"),
        *("--test-teachers", "u", "--out", sources / "corpus", *words),
    )
    assert (done.returncode, "share above 0 and below 1" in done.stderr, done.stderr.count("\n")) == (2, True, 1)


def test_card_is_about_the_venues_of_the_corpus(sources: Path) -> None:
    """Name, text and tags; nothing is left of ISCA but the markers."""
    from huggingface_hub import DatasetCard

    for year in (2020, 2023):
        path = sources / f"papers/isca_{year}.jsonl"
        path.with_name(f"micro_{year}.jsonl").write_text(path.read_text().replace('"isca"', '"micro"'))
        path.unlink()
    _build(sources)
    card = DatasetCard.load(sources / "corpus/README.md")
    assert "isca" not in card.content.replace("isca-qa:", "").lower()
    assert "DBLP" not in card.text.split("## How it was built")[1]
    assert "# MICRO-QA\n\nQuestion-answer pairs on paper abstracts of MICRO. Use" in card.text
    assert (card.data["pretty_name"], card.data["tags"]) == ("MICRO-QA", ["abstracts"])


def test_builder_reads_changed_pairs_and_knows_what_it_dropped(sources: Path) -> None:
    """`IscaQA` as its docstring says, with one cache: new, from the cache, and after an answer changed."""
    from dataset_builder.corpus.datasets_builder import IscaQA

    def prepared() -> IscaQA:
        builder = IscaQA(
            cache_dir=str(sources / "cache"),
            config_name="u",
            papers=str(sources / "papers"),
            qa=str(sources / "qa"),
            train_teachers=("t",),
        )
        builder.download_and_prepare()
        return builder

    append_pair(sources, "t", 2023, "10.1/test", "Question by t on a test paper?")
    dropped = {"train": {"the paper is from a test year": 1}, "test": {}}
    assert prepared().joined.dropped == prepared().joined.dropped == dropped
    path = sources / "qa/u/isca_2023.jsonl"
    path.write_text(path.read_text().replace("Answer 2.", "Answer two."))
    assert prepared().as_dataset()["test"]["answer"][:] == ["Answer 1.", "Answer two."]


def test_unknown_teacher_lists_the_known(sources: Path) -> None:
    """A teacher with no folder, and a name that leads out of the folder."""
    with pytest.raises(InputError, match=r"'w': not found in .*, which has a folder for each teacher: t, u"):
        _build(sources, ("w",))
    for teacher in ("../qa/u", ""):
        with pytest.raises(InputError, match=f"'{teacher}': not a teacher's name; a name has"):
            _build(sources, (teacher,))


def test_empty_split_is_refused(sources: Path) -> None:
    """The training teacher has no pair on a test paper; then none on a paper that falls to validation."""
    with pytest.raises(InputError, match="'test' would be empty: the test teacher has no pair on a paper from 2022"):
        _build(sources, ("t",))
    pairs = sources / "qa/t/isca_2020.jsonl"
    pairs.write_text("".join(line for line in pairs.open() if "10.1/validation" not in line))
    with pytest.raises(InputError, match=r"'validation' would be empty.* A corpus needs two papers before that year"):
        _build(sources)


@pytest.mark.parametrize("report", [None, "{}", '{"train_teachers": ["t"], "test_teachers": ["u"]}', "[1]"])
def test_output_folder_with_other_files_is_not_replaced(sources: Path, report: str | None) -> None:
    """A folder with notes: without a report, with a report of another program, and with a report of a corpus."""
    (sources / "corpus").mkdir()
    (sources / "corpus/notes.txt").write_text("mine")
    if report:
        (sources / "corpus/report.json").write_text(report)
    before = contents(sources / "corpus")
    with pytest.raises(InputError, match=r"has files that are not of a corpus, such as (notes\.txt|report\.json)"):
        _build(sources)
    assert contents(sources / "corpus") == before


@pytest.mark.parametrize("limit", [300, 3000, 5000])
def test_full_disk_is_one_message(sources: Path, limit: int) -> None:
    """A limit on the size of files stands for it, at three moments of a build."""
    import resource

    words = ("--papers", sources / "papers", "--qa", sources / "qa", "--train-teachers", "t", "--test-teachers", "u")
    done = subprocess.run(
        [sys.executable, "-m", "dataset_builder", "build", *words, "--out", sources / "corpus"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "File too large); make room or choose another folder" in done.stderr.splitlines()[-1]
    assert sorted(entry.name for entry in sources.iterdir()) == ["papers", "qa"]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_killed_build_ends_in_the_same_files(
    tmp_path: Path, corpus: Path, stage: Callable, killed: Callable, count: int
) -> None:
    """Killed at each of the four renames of a build that replaces a corpus: the old corpus stays. Then run again."""
    out = tmp_path / "corpus"
    command = ("dataset_builder", "build", *WORDS, "--test-teachers", "plain", "detailed", "--out", out)
    command += ("--license", "apache-2.0")
    build(CORPUS_SLICE / "papers", CORPUS_SLICE / "qa", ["detailed"], ["plain"], out, "other")
    before = contents(out)
    killed("os.replace", count, *command)
    # Between the last two renames the old corpus has another name.
    assert contents(tmp_path / ".replaced.corpus" if count == 4 else out) == before
    assert stage(*command).returncode == 0
    assert contents(out) == contents(corpus)
    assert [entry.name for entry in tmp_path.iterdir()] == ["corpus"]


def test_help_is_quick_and_names_the_stages(stage: Callable) -> None:
    """The help comes without the heavy libraries."""
    program = "import sys, dataset_builder.__main__ as m; m.parser().format_help(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout == "False\n"
    assert "build" in stage("dataset_builder", "--help").stdout


def test_several_training_teachers_and_kinds_of_questions(sources: Path) -> None:
    """The pairs of both teachers are trained on, in the order of the teachers; a pair keeps its kind."""
    append_pair(sources, "t", 2020, "10.1/train", "What does it cost?")
    pair = {"paper_id": "10.1/train", "teacher": "u", "question": "Does it say so?", "answer": "No, it does not."}
    (sources / "qa/u/isca_2020.jsonl").write_text(json.dumps({**pair, "kind": "no-answer"}) + "\n")
    report = build(sources / "papers", sources / "qa", ["t", "u"], ["u"], sources / "corpus", "other")
    assert report.train_teachers == ["t", "u"]
    rows = read_rows(sources / "corpus/t/train-00000-of-00001.parquet")
    assert [row.teacher for row in rows] == [*(["t"] * (len(rows) - 1)), "u"]
    assert (rows[-1].question, rows[-1].kind, rows[0].kind) == ("Does it say so?", "no-answer", "question")
    card = (sources / "corpus/README.md").read_text()
    assert "They hold pairs of `t` and `u` on papers before 2022." in card
