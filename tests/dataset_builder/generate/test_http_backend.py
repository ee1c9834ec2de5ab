"""A teacher over HTTP: a real server in another process, which is slow, fails, and cuts connections."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_builder.__main__ import parser
from dataset_builder.corpus.manifest import Manifest, RejectedPair
from dataset_builder.corpus.pairs import read_pairs
from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.errors import InputError
from dataset_builder.formats import read_records
from dataset_builder.generate.backends.backend import select_backend
from dataset_builder.generate.backends.http import HTTPBackend
from dataset_builder.generate.responses import derive_seed
from dataset_builder.generate.run import add_arguments, generate
from dataset_builder.generate.schema import response_format
from dataset_builder.grounding.check import THRESHOLD
from dataset_builder.server.settings import Server
from dataset_builder.teachers.teacher import Teacher, read_teacher
from tests.chat_server import pairs_on
from tests.conftest import contents
from tests.corpus_slice import CORPUS_SLICE
from tests.running_chat_server import requests_in, serving

PAPERS = [paper for paper in read_papers(CORPUS_SLICE / "papers") if paper.year >= 2022]
FILES = ("isca_2022.jsonl", "isca_2023.jsonl", "isca_2024.jsonl", "rejected.jsonl", "generation.json")


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    """Return a packaged teacher, which stands in for the model behind the server."""
    return read_teacher("mistral")


def run(teacher: Teacher, url: str, out: Path, encoder: Path, **changes: Any) -> Manifest:
    """Run the teacher on the slice's papers of 2022 to 2024, with waits too short to notice."""
    settings = {"model": teacher.model, "backoff": 0.001, "timeout": 120.0} | changes
    backend = HTTPBackend(Server(url, **settings))
    return generate(teacher, backend, CORPUS_SLICE / "papers", [2022, 2023, 2024], out, 7, str(encoder), THRESHOLD)


def final(folder: Path) -> dict[str, bytes]:
    """Return the files that a run leaves for its reader."""
    return {name: (folder / name).read_bytes() for name in FILES}


def expected(teacher: Teacher, paper: Paper) -> list[str]:
    """Return the answers that the server gives on a paper."""
    return [pair["answer"] for pair in pairs_on(teacher.render_prompt(paper.title, paper.abstract))]


def rejected_pairs(folder: Path) -> list[RejectedPair]:
    """Return the lines of rejected.jsonl."""
    return [rejected for _, rejected in read_records(RejectedPair, folder / "rejected.jsonl", "")]


def answers(folder: Path, teacher: Teacher, paper: Paper) -> list[str]:
    """Return all answers on a paper, accepted and rejected, in their order."""
    pairs = [*read_pairs(folder, teacher.name), *rejected_pairs(folder / teacher.name)]
    return sorted(pair.answer for pair in pairs if pair.paper_id == paper.paper_id and pair.answer)


def test_faults_lose_no_pair_and_double_none(tmp_path: Path, teacher: Teacher, encoder: Path) -> None:
    """Slow, out of order, 429, 500, text around the JSON, half a character, cut off: each paper has its two pairs."""
    assert len(PAPERS) == 15
    script = {
        # Held until others have been answered, so that all of these are in flight at once.
        **{paper.title: ["after:10"] for paper in PAPERS[:7]},
        PAPERS[7].title: ["status:429,0", "status:429", "status:500", "answer"],
        PAPERS[8].title: ["status:503", "around"],
        PAPERS[9].title: ["around"],
        PAPERS[10].title: ["cut text"],
        PAPERS[11].title: ["cut connection", "cut connection"],
        PAPERS[12].title: ["nonsense:", "nonsense:[]"],
        PAPERS[13].title: ["no choices"],
        PAPERS[14].title: ["nonsense:I would rather not \ud800.", 'nonsense:[{"question": 1}]', "nonsense:[[[["],
    }
    with serving(tmp_path, script) as (url, log):
        manifest = run(teacher, url, tmp_path / "qa", encoder)
        requests = requests_in(log)
    for number, paper in enumerate(PAPERS):
        assert answers(tmp_path / "qa", teacher, paper) == ([] if number == 14 else sorted(expected(teacher, paper)))
    # 15 papers; 3 more requests for the eighth, 1 for the ninth, 1, 2, 2, 1 and 2 for the last five.
    assert len(requests) == 27
    assert max(request["in_flight"] for request in requests) >= 7
    assert manifest.papers == 15
    assert manifest.pairs == 28
    assert manifest.rejected_papers == {"no response parsed": 1}
    lines = [line for path in (tmp_path / "qa/mistral/.generate").glob("responses-*") for line in path.open()]
    assert Counter(result["paper_id"] for line in lines for result in json.loads(line)) == Counter(
        paper.paper_id for paper in PAPERS
    )

    (unread,) = (rejected for rejected in rejected_pairs(tmp_path / "qa/mistral") if rejected.responses)
    assert (unread.paper_id, unread.reason, unread.question) == (PAPERS[14].paper_id, "no response parsed", None)
    assert [response.text for response in unread.responses] == [
        *("I would rather not ?.", '[{"question": 1}]', "[[[["),
    ]
    assert [response.seed for response in unread.responses] == [
        derive_seed(7, PAPERS[14].paper_id, attempt) for attempt in (0, 1, 2)
    ]


def test_pair_carries_its_provenance(tmp_path: Path, teacher: Teacher, encoder: Path) -> None:
    """Teacher, model, revision, prompt, sampling, and the seed that was sent to the server."""
    with serving(tmp_path) as (url, log):
        manifest = run(teacher, url, tmp_path / "qa", encoder, model="behind", token="a-secret")
        sent = requests_in(log)
    record = json.loads((tmp_path / "qa/mistral/isca_2022.jsonl").read_text().splitlines()[0])
    seed = derive_seed(7, record["paper_id"], 0)
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
        "messages": [{"role": "user", "content": teacher.render_prompt(PAPERS[0].title, PAPERS[0].abstract)}],
        "max_tokens": 3700,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": seed,
        "response_format": response_format(teacher.limits),
    }
    assert first["headers"]["authorization"] == "Bearer a-secret"
    assert manifest.made_by == ["a server, as served-behind"]
    assert manifest.served_model == "behind"
    with pytest.raises(InputError, match="generated with another --endpoint-model; give"):
        run(teacher, url, tmp_path / "qa", encoder, model="in-front", token="a-secret")
    assert (manifest.checks.encoder, manifest.checks.threshold) == (
        "sentence-transformers/all-MiniLM-L6-v2",
        THRESHOLD,
    )
    assert all(b"a-secret" not in content for content in contents(tmp_path / "qa").values())


def test_no_key_is_sent_where_none_is_given(
    tmp_path: Path, teacher: Teacher, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the Hub's key nor what the library takes from the environment goes to another server."""
    monkeypatch.setenv("HF_TOKEN", "hf_saved")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-saved")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-saved")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-saved")
    with serving(tmp_path) as (url, log):
        run(teacher, url, tmp_path / "qa", encoder)
        requests = requests_in(log)
    assert requests
    for request in requests:
        assert "authorization" not in request["headers"]
        assert "saved" not in json.dumps(request["headers"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--endpoint", "http://x", "--batch-size", "8"],
            "--batch-size 8: is for a model in this process; leave",
        ),
        (["--concurrency", "8"], "--concurrency 8: needs a server; add --endpoint"),
        (["--endpoint-model", "m"], "--endpoint-model m: needs a server; add --endpoint"),
        (["--endpoint", "ftp://x"], "--endpoint ftp://x: must be an http or https URL"),
    ],
)
def test_option_of_the_other_backend_is_refused(teacher: Teacher, options: list[str], message: str) -> None:
    """No option is ignored without a message."""
    with pytest.raises(InputError, match=message):
        select_backend(parse(*options), teacher)


def parse(*options: str) -> argparse.Namespace:
    """Return the parsed arguments of `generate`."""
    command = argparse.ArgumentParser()
    add_arguments(command)
    return command.parse_args(["--teacher", "mistral", "--papers", "p", "--out", "o", *options])


def test_second_run_asks_only_for_the_unanswered(tmp_path: Path, teacher: Teacher, encoder: Path) -> None:
    """A paper that the server refuses stays unfinished and is counted; the next run asks for it and nothing else."""
    with serving(tmp_path, {PAPERS[3].title: ["status:400"]}) as (url, log):
        assert run(teacher, url, tmp_path / "qa", encoder).papers_unanswered == 1
        asked = len(requests_in(log))
        manifest = run(teacher, url, tmp_path / "qa", encoder)
        assert len(requests_in(log)) == asked + 1
        whole = final(tmp_path / "qa/mistral")
        run(teacher, url, tmp_path / "qa", encoder)
        assert len(requests_in(log)) == asked + 1
    assert manifest.papers_unanswered == 0
    assert final(tmp_path / "qa/mistral") == whole


@pytest.mark.parametrize(
    ("acts", "message"),
    [
        (["status:401"] * 99, r"HTTP 401 \(no\). Finished responses are kept"),
        (["status:500"] * 99, r"HTTP 500\. "),
        (["hang"] * 99, "no response in time"),
        (["no choices"] * 99, "does not follow the chat-completions protocol"),
    ],
)
def test_server_that_gives_nothing_ends_the_run(
    tmp_path: Path, teacher: Teacher, encoder: Path, acts: list[str], message: str
) -> None:
    """There is one message, and finished papers are kept."""
    with serving(tmp_path) as (url, _):
        generate(
            teacher,
            HTTPBackend(Server(url, teacher.model)),
            *(CORPUS_SLICE / "papers", [2022], tmp_path / "qa", 7, str(encoder), THRESHOLD),
        )
    before = (tmp_path / "qa/mistral/.generate/responses-00000.jsonl").read_text()
    (tmp_path / "log.jsonl").unlink()
    with serving(tmp_path, {"": acts}) as (url, _), pytest.raises(InputError, match=message):
        run(teacher, url, tmp_path / "qa", encoder, retries=1, timeout=0.3 if acts[0] == "hang" else 60.0)
    assert (tmp_path / "qa/mistral/.generate/responses-00000.jsonl").read_text() == before


def test_unreachable_server_exits_2(tmp_path: Path, encoder: Path, stage: Callable) -> None:
    """By the command: one line, no traceback, and the key is not in it."""
    done = stage(
        *("dataset_builder", "generate", "--teacher", "gemma", "--papers", CORPUS_SLICE / "papers", "--out", tmp_path),
        *("--encoder", encoder, "--endpoint", "http://127.0.0.1:9/v1"),
    )
    assert done.returncode == 2
    assert "error: --endpoint http://127.0.0.1:9/v1: the connection failed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_again_and_again_ends_in_the_same_files(
    tmp_path: Path, encoder: Path, killed: Callable, stage: Callable
) -> None:
    """Kill -9 with requests in flight and at every file; no finished paper is asked about twice."""
    words = ["dataset_builder", "generate", "--teacher", "mistral", "--papers", CORPUS_SLICE / "papers"]
    words += ["--years", "2022-2024", "--encoder", encoder, "--concurrency", "4"]
    with serving(tmp_path) as (url, log):
        unbroken = [*words[1:], "--out", tmp_path / "unbroken", "--endpoint", url]
        arguments = parser().parse_args(list(map(str, unbroken)))
        arguments.run_command(arguments)
        log.write_text("")
        for function, count in (
            ("os.replace", 1),
            # Each write has one to four papers.
            ("dataset_builder.journal.Journal.append", 2),
            ("dataset_builder.journal.Journal.append", 3),
            ("os.replace", 3),
            ("os.replace", 6),
        ):
            killed(function, count, *words, "--out", tmp_path / "killed", "--endpoint", url)
            assert not (tmp_path / "killed/mistral/generation.json").exists()
        journal = tmp_path / "killed/mistral/.generate/responses-00000.jsonl"
        journal.write_bytes(journal.read_bytes()[:-40])
        assert stage(*words, "--out", tmp_path / "killed", "--endpoint", url).returncode == 0
        asked = Counter(request["body"]["seed"] for request in requests_in(log))
    assert final(tmp_path / "killed/mistral") == final(tmp_path / "unbroken/mistral")
    # 15 papers; at the two kills at most 4 each, in flight or not yet written, and at most 4 in the line that was cut
    # off, again.
    assert len(asked) == 15
    assert sum(asked.values()) <= 15 + 4 + 4 + 4
