"""A teacher over HTTP: a real server in a process of its own, which is slow, faulty, and cut off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.__main__ import _way, parser
from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.errors import InputError
from dataset_builder.generate.backends.http import Endpoint, _retry_after, key_for, response_format
from dataset_builder.generate.journal import seed_of
from dataset_builder.generate.run import generate
from dataset_builder.teachers.teacher import Teacher, read_teacher
from dataset_builder.grounding import THRESHOLD
from tests.chat_server import pairs_on
from tests.conftest import REPOSITORY, SAMPLE, append, contents

PAPERS = [paper for paper in read_papers(SAMPLE / "papers") if paper.year >= 2022]
FILES = ("isca_2022.jsonl", "isca_2023.jsonl", "isca_2024.jsonl", "rejected.jsonl", "generation.json")


@contextmanager
def serving(folder: Path, script: dict[str, list[str]] | None = None) -> Iterator[tuple[str, Path]]:
    """Yield the URL of a running server and the file that it logs requests to."""
    (folder / "script.json").write_text(json.dumps(script or {}))
    log = folder / "log.jsonl"
    log.touch()
    command = [sys.executable, "-m", "tests.chat_server", str(folder / "script.json"), str(log)]
    server = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1", log
    finally:
        server.kill()
        server.wait()


def requests_in(log: Path) -> list[dict[str, Any]]:
    """Return what the server has logged."""
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    """Return a packaged teacher, which stands in for the model behind the server."""
    return read_teacher("mistral")


def run(teacher: Teacher, url: str, out: Path, encoder: Path, **changes: Any) -> dict[str, Any]:
    """Run the teacher on the sample's papers of 2022 to 2024, with waits too short to notice."""
    way = replace(Endpoint(url, teacher.model, backoff=0.001, timeout=120.0), **changes)
    return generate(teacher, way, SAMPLE / "papers", [2022, 2023, 2024], out, 7, str(encoder), THRESHOLD)


def final(folder: Path) -> dict[str, bytes]:
    """Return the files that a run leaves for its reader."""
    return {name: (folder / name).read_bytes() for name in FILES}


def expected(teacher: Teacher, paper: Paper) -> list[str]:
    """Return the answers that the server gives on a paper."""
    return [pair["answer"] for pair in pairs_on(teacher.request(paper.title, paper.abstract))]


def answers(folder: Path, teacher: Teacher, paper: Paper) -> list[str]:
    """Return all answers on a paper, accepted and rejected, in their order."""
    rejected = [json.loads(line) for line in (folder / teacher.name / "rejected.jsonl").open()]
    texts = [pair.answer for pair in read_pairs(folder, teacher.name) if pair.paper_id == paper.paper_id]
    texts += [record["answer"] for record in rejected if record["paper_id"] == paper.paper_id and "answer" in record]
    return sorted(texts)


def test_faults_lose_no_pair_and_double_none(tmp_path: Path, teacher: Teacher, encoder: Path) -> None:
    """Slow, out of order, 429, 500, text round the JSON, cut in the middle: two pairs a paper, each once."""
    assert len(PAPERS) == 15
    script = {
        PAPERS[0].title: ["after:10"],
        PAPERS[1].title: ["status:429,0", "status:429", "status:500", "answer"],
        PAPERS[2].title: ["status:503", "around"],
        PAPERS[3].title: ["around"],
        PAPERS[4].title: ["cut text"],
        PAPERS[5].title: ["cut connection", "cut connection"],
        PAPERS[6].title: ["nonsense:", "nonsense:[]"],
        PAPERS[7].title: ["no choices"],
        PAPERS[8].title: ["nonsense:I would rather not.", 'nonsense:[{"question": 1}]', "nonsense:[[[["],
        # Held until others have been answered, so that these and the first are in flight at once.
        **{paper.title: ["after:10"] for paper in PAPERS[9:]},
    }
    with serving(tmp_path, script) as (url, log):
        report = run(teacher, url, tmp_path / "qa", encoder)
        requests = requests_in(log)
    for number, paper in enumerate(PAPERS):
        assert answers(tmp_path / "qa", teacher, paper) == ([] if number == 8 else sorted(expected(teacher, paper)))
    # 15 papers; 3 more requests for the second, 1 for the third, 1, 2, 2, 1 and 2 for the fifth to the ninth.
    assert len(requests) == 27
    assert max(request["in_flight"] for request in requests) >= 7
    assert report["papers"] == 15
    assert report["pairs"] == 28
    assert report["rejected_papers"] == {"no response parsed": 1}
    lines = [line for path in (tmp_path / "qa/mistral/.generate").glob("finished-*") for line in path.open()]
    assert Counter(finished["paper_id"] for line in lines for finished in json.loads(line)) == Counter(
        paper.paper_id for paper in PAPERS
    )

    unread = next(
        record
        for line in (tmp_path / "qa/mistral/rejected.jsonl").open()
        if "responses" in (record := json.loads(line))
    )
    assert (unread["paper_id"], unread["reason"]) == (PAPERS[8].paper_id, "no response parsed")
    assert [response["text"] for response in unread["responses"]] == [
        *("I would rather not.", '[{"question": 1}]', "[[[["),
    ]
    assert [response["seed"] for response in unread["responses"]] == [
        seed_of(7, PAPERS[8].paper_id, attempt) for attempt in (0, 1, 2)
    ]


def test_pair_carries_its_provenance(tmp_path: Path, teacher: Teacher, encoder: Path) -> None:
    """Teacher, model, revision, prompt, sampling and seed, the latter as the server got it."""
    with serving(tmp_path) as (url, log):
        report = run(teacher, url, tmp_path / "qa", encoder, model="behind", token="a-secret")
        sent = requests_in(log)
    record = json.loads((tmp_path / "qa/mistral/isca_2022.jsonl").read_text().splitlines()[0])
    seed = seed_of(7, record["paper_id"], 0)
    assert {key: record[key] for key in record if key not in ("question", "answer")} == {
        "paper_id": PAPERS[0].paper_id,
        "teacher": "mistral",
        "teacher_model": "mistralai/Mistral-7B-Instruct-v0.3",
        "teacher_revision": teacher.revision,
        "prompt_sha256": teacher.prompt_sha256,
        "sampling": {"temperature": 0.7, "top_p": 0.9},
        "seed": seed,
    }
    first = next(request for request in sent if request["body"]["seed"] == seed)
    assert first["body"] == {
        "model": "behind",
        "messages": [{"role": "user", "content": teacher.request(PAPERS[0].title, PAPERS[0].abstract)}],
        "max_tokens": 3700,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": seed,
        "stream": False,
        "response_format": response_format(teacher),
    }
    assert first["headers"]["authorization"] == "Bearer a-secret"
    assert report["made_by"] == ["a server, as served-behind"]
    assert report["checks"] == {"encoder": "sentence-transformers/all-MiniLM-L6-v2", "threshold": THRESHOLD}
    assert all(b"a-secret" not in content for content in contents(tmp_path / "qa").values())


def test_no_key_is_sent_where_none_is_given(
    tmp_path: Path, teacher: Teacher, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub's saved key, which the library would take, goes to no other server."""
    monkeypatch.setenv("HF_TOKEN", "hf_saved")
    with serving(tmp_path) as (url, log):
        run(teacher, url, tmp_path / "qa", encoder)
        assert not any("authorization" in request["headers"] for request in requests_in(log))


@pytest.mark.parametrize(
    ("url", "variable", "key"),
    [
        ("https://router.huggingface.co/v1", None, "hf_saved"),
        ("http://router.huggingface.co/v1", None, None),
        ("https://nothuggingface.co/v1", None, None),
        ("https://huggingface.co.evil.example/v1", None, None),
        ("http://127.0.0.1:8000/v1", None, None),
        ("http://127.0.0.1:8000/v1", "MINE", "a-secret"),
        ("https://router.huggingface.co/v1", "MINE", "a-secret"),
    ],
)
def test_key_is_for_its_own_server(
    url: str, variable: str | None, key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Hub's goes to its hosts over https by itself, and any key to any server on demand."""
    monkeypatch.setenv("HF_TOKEN", "hf_saved")
    monkeypatch.setenv("MINE", "a-secret")
    assert key_for(url, variable) == key


def test_key_that_is_not_set_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable is no reason to ask without a key."""
    monkeypatch.delenv("MINE", raising=False)
    with pytest.raises(InputError, match="--token-variable MINE: is not set"):
        key_for("http://127.0.0.1:8000/v1", "MINE")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--endpoint", "http://x", "--batch-size", "8"], "--batch-size 8: is about .*, and --endpoint"),
        (["--concurrency", "8"], "--concurrency 8: is about a server, and there is no --endpoint"),
        (["--endpoint-model", "m"], "--endpoint-model m: is about a server, and there is no --endpoint"),
        (["--timeout", "8"], r"--timeout 8\.0: is about a server, and there is no --endpoint"),
        (["--retries", "0"], "--retries 0: is about a server, and there is no --endpoint"),
        (["--token-variable", "V"], "--token-variable V: is about a server, and there is no --endpoint"),
    ],
)
def test_option_of_the_other_way_is_refused(teacher: Teacher, options: list[str], message: str) -> None:
    """None is passed over in silence."""
    arguments = parser().parse_args(["generate", "--teacher", "mistral", "--papers", "p", "--out", "o", *options])
    with pytest.raises(InputError, match=message):
        _way(arguments, teacher)


def test_retries_are_not_negative(capsys: pytest.CaptureFixture[str]) -> None:
    """Argparse's exit code 2, and its one line."""
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(["generate", "--teacher", "t", "--papers", "p", "--out", "o", "--retries", "-1"])
    assert "argument --retries: -1: must be a whole number, 0 or more" in capsys.readouterr().err


def test_more_than_a_hundred_requests_are_in_flight(tmp_path: Path, teacher: Teacher, encoder: Path) -> None:
    """None is answered before 120 have come; the client's library would send 100 at a time."""
    for number in range(120):
        record = {**vars(PAPERS[0]), "paper_id": f"10.1/{number}", "title": f"Paper {number}"}
        append(tmp_path / "papers/isca_2022.jsonl", record)
    way = Endpoint("", teacher.model, concurrency=120, timeout=60.0, retries=0)
    with serving(tmp_path, {"": ["until in flight:120"] * 120}) as (url, _):
        report = generate(
            teacher, replace(way, url=url), tmp_path / "papers", None, tmp_path / "qa", 7, str(encoder), THRESHOLD
        )
    assert (report["papers"], report["papers_unanswered"]) == (120, 0)


def test_retry_after_is_seconds_or_a_date() -> None:
    """RFC 9110, 10.2.3; what is neither, and a date that has passed, asks for nothing."""
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert _retry_after("7") == 7.0
    assert _retry_after(in_a_minute) == pytest.approx(60, abs=5)
    assert [_retry_after(text) for text in (None, "", "soon", "-3", "Fri, 31 Dec 1999 23:59:59 GMT")] == [0.0] * 5


def test_second_run_asks_for_the_unanswered_alone(tmp_path: Path, teacher: Teacher, encoder: Path) -> None:
    """A paper that the server refuses stays undone and is counted; the next run asks for it and nothing else."""
    with serving(tmp_path, {PAPERS[3].title: ["status:400"]}) as (url, log):
        assert run(teacher, url, tmp_path / "qa", encoder)["papers_unanswered"] == 1
        asked = len(requests_in(log))
        report = run(teacher, url, tmp_path / "qa", encoder)
        assert len(requests_in(log)) == asked + 1
        whole = final(tmp_path / "qa/mistral")
        run(teacher, url, tmp_path / "qa", encoder)
        assert len(requests_in(log)) == asked + 1
    assert report["papers_unanswered"] == 0
    assert final(tmp_path / "qa/mistral") == whole


@pytest.mark.parametrize(
    ("acts", "message"),
    [
        (["status:401"] * 99, r"HTTP 401 \(no\). What is finished is kept"),
        (["status:404"] * 99, r"HTTP 404 \(no\)"),
        (["status:500"] * 99, r"HTTP 500\. "),
        (["status:429,3600"] * 99, r"HTTP 429\. "),
        (["hang"] * 99, "no response in time"),
        (["no choices"] * 99, "not of the chat-completions protocol"),
    ],
)
def test_server_that_gives_nothing_ends_the_run(
    tmp_path: Path, teacher: Teacher, encoder: Path, acts: list[str], message: str
) -> None:
    """One message; what was finished before stays finished."""
    with serving(tmp_path) as (url, _):
        generate(
            teacher,
            Endpoint(url, teacher.model),
            *(SAMPLE / "papers", [2022], tmp_path / "qa", 7, str(encoder), THRESHOLD),
        )
    before = (tmp_path / "qa/mistral/.generate/finished-00000.jsonl").read_text()
    (tmp_path / "log.jsonl").unlink()
    with serving(tmp_path, {"": acts}) as (url, _), pytest.raises(InputError, match=message):
        run(teacher, url, tmp_path / "qa", encoder, retries=1, timeout=0.3)
    assert (tmp_path / "qa/mistral/.generate/finished-00000.jsonl").read_text() == before


def test_unreachable_server_exits_2(tmp_path: Path, encoder: Path, stage: Callable) -> None:
    """By the command: one line, no traceback, and the key is not in it."""
    done = stage(
        *("dataset_builder", "generate", "--teacher", "gemma", "--papers", SAMPLE / "papers", "--out", tmp_path),
        *("--encoder", encoder, "--endpoint", "http://127.0.0.1:9/v1", "--retries", "0"),
    )
    assert done.returncode == 2
    assert "error: --endpoint http://127.0.0.1:9/v1: the connection failed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again_ends_in_the_same_files(
    tmp_path: Path, encoder: Path, killed: Callable, stage: Callable
) -> None:
    """Kill -9 with requests in flight and at every file; no finished paper is asked for twice."""
    words = ["dataset_builder", "generate", "--teacher", "mistral", "--papers", SAMPLE / "papers"]
    words += ["--years", "2022-2024", "--encoder", encoder, "--concurrency", "4"]
    with serving(tmp_path) as (url, log):
        assert stage(*words, "--out", tmp_path / "unbroken", "--endpoint", url).returncode == 0
        log.write_text("")
        for function, count in (
            ("os.replace", 1),
            ("dataset_builder.generate.journal.Journal.add", 3),
            ("dataset_builder.generate.journal.Journal.add", 6),
            ("os.replace", 2),
            ("os.replace", 5),
        ):
            killed(function, count, *words, "--out", tmp_path / "killed", "--endpoint", url)
            assert not (tmp_path / "killed/mistral/generation.json").exists()
        journal = tmp_path / "killed/mistral/.generate/finished-00000.jsonl"
        journal.write_bytes(journal.read_bytes()[:-40])
        assert stage(*words, "--out", tmp_path / "killed", "--endpoint", url).returncode == 0
        asked = Counter(request["body"]["seed"] for request in requests_in(log))
    assert final(tmp_path / "killed/mistral") == final(tmp_path / "unbroken/mistral")
    # 15 papers; those in flight at the two kills, at most 4 each, and the one whose line was cut off, again.
    assert len(asked) == 15
    assert sum(asked.values()) <= 15 + 4 + 4 + 1
