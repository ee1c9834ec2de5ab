"""A teacher's run from start to end: the requests, the responses, the checks, the files, the manifest."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataset_builder.errors import InputError
from dataset_builder.files import held_alone, make_writable_folder, read_json, write_json, write_text
from dataset_builder.generate.checks import Candidate, Rejected, check_responses
from dataset_builder.generate.endpoint import Endpoint
from dataset_builder.generate.in_process import InProcess
from dataset_builder.generate.journal import Finished, Journal, Request
from dataset_builder.generate.progress import Progress
from dataset_builder.generate.report import manifest
from dataset_builder.generate.source import hub_id, model_source
from dataset_builder.generate.support import load_encoder
from dataset_builder.generate.teacher import Teacher
from dataset_builder.hardware import start_process
from dataset_builder.pairs import MANIFEST_FILE, WORK_FOLDER
from dataset_builder.papers import Paper, read_papers
from dataset_builder.records import VENUE_YEAR

REJECTED_FILE = "rejected.jsonl"
# Of what the journals in the work folder are the responses.
SETTINGS_FILE = "settings.json"


def generate(
    teacher: Teacher,
    way: InProcess | Endpoint,
    papers: Path,
    years: list[int] | None,
    out: Path,
    seed: int,
    encoder: str,
    threshold: float,
) -> dict[str, Any] | None:
    """Write `out`/TEACHER: the accepted pairs as VENUE_YEAR.jsonl, rejected.jsonl and, last, the manifest, returned.

    Goes on where an earlier run into the same folder ended; papers of other years that it has finished stay in the
    account. `years` None means all. Under accelerate each process takes its share, and all but the main one, which
    writes the files, return None.

    Raises `InputError` for papers or an output folder that are not fit, for a folder that holds the pairs of another
    teacher, prompt, seed or way or that another command is writing into, and for what the way of running raises.
    """
    state = start_process()
    every = [paper for paper in read_papers(papers) if paper.abstract]
    wanted = [paper for paper in every if years is None or paper.year in years]
    if not wanted:
        of = "" if years is None else f" of {', '.join(map(str, years))}"
        raise InputError(f"{papers}: holds no paper{of} with an abstract; give other years, or crawl them")
    requests = {
        paper.paper_id: Request(paper.paper_id, teacher.request(paper.title, paper.abstract)) for paper in every
    }
    folder = out / teacher.name
    settings = {
        "teacher": teacher.as_dict(),
        "prompt_sha256": teacher.prompt_sha256,
        "way": way.kind,
        **model_source(teacher, over_http=way.kind == Endpoint.kind),
        "seed": seed,
    }
    # Loaded before the first response, so that a wrong one is said at once and not after days.
    similarity = load_encoder(encoder) if state.is_main_process else None
    with state.main_process_first():
        _open(folder, settings)
    # The main process holds the folder for all of them, and the others wait until it does.
    with held_alone(folder / WORK_FOLDER) if state.is_main_process else nullcontext():
        state.wait_for_everyone()
        journal = Journal(folder / WORK_FOLDER, state.process_index)
        with Progress(wanted, requests, teacher, journal, shown=state.is_main_process) as progress:
            way.answer(
                teacher,
                [requests[paper.paper_id] for paper in wanted],
                seed,
                journal.is_done,
                (state.process_index, state.num_processes),
                progress.finished,
            )
            state.wait_for_everyone()
        if not state.is_main_process:
            return None
        journal.refresh()
        results = [(paper, done) for paper in every if (done := journal.result_of(requests[paper.paper_id]))]
        unanswered = sum(not journal.is_done(requests[paper.paper_id]) for paper in wanted)
        accepted, rejected = check_responses(results, teacher.limits, similarity, threshold)
        checks = {"encoder": hub_id(encoder), "threshold": threshold}
        report = manifest(settings, checks, results, accepted, rejected, unanswered)
        _write(folder, report, results, accepted, rejected)
        return report


def _open(folder: Path, settings: dict[str, Any]) -> None:
    """Make the folder ready for a run of `settings`; raises `InputError` where it holds another's, or other files."""
    path = folder / WORK_FOLDER / SETTINGS_FILE
    if path.is_file():
        held = read_json(path)
        differing = [key for key in settings if held.get(key) != json.loads(json.dumps(settings[key]))]
        if differing:
            raise InputError(
                f"{folder}: holds pairs made with another {' and '.join(map(_told, differing))}. Give another --out "
                "or, for a changed teacher, its file another name; or move that folder away to make them anew"
            )
        return
    if folder.is_dir() and any(entry.name != WORK_FOLDER for entry in folder.iterdir()):
        raise InputError(f"{folder}: holds files that this command has not made; give another --out")
    make_writable_folder(path.parent)
    write_json(path, settings)


def _told(key: str) -> str:
    return {"way": "way of running (--endpoint)", "model_note": "note on the model", "seed": "--seed"}.get(
        key, key.replace("_", " ")
    )


def _write(
    folder: Path,
    report: dict[str, Any],
    results: list[tuple[Paper, Finished]],
    accepted: list[Candidate],
    rejected: list[Rejected],
) -> None:
    """Write the pairs, what was rejected, and last the manifest, which is gone while the others are being written."""
    (folder / MANIFEST_FILE).unlink(missing_ok=True)
    provenance = {
        "teacher_model": report["model"],
        "teacher_revision": report["revision"],
        "prompt_sha256": report["prompt_sha256"],
        "sampling": report["teacher"]["sampling"],
    }
    teacher = report["teacher"]["name"]
    lines: dict[str, list[str]] = {f"{paper.venue}_{paper.year}.jsonl": [] for paper, _ in results}
    for pair in accepted:
        record = {
            "paper_id": pair.paper.paper_id,
            "teacher": teacher,
            "question": pair.question,
            "answer": pair.answer,
            **provenance,
            "seed": pair.attempt.seed,
        }
        lines[f"{pair.paper.venue}_{pair.paper.year}.jsonl"].append(_line(record))
    # Files of years whose papers are no longer there: their pairs are not in the account.
    for path in folder.glob("*.jsonl"):
        if VENUE_YEAR.fullmatch(path.stem) and path.name not in lines:
            path.unlink()
    for name, of_year in lines.items():
        write_text(folder / name, "".join(of_year))
    write_text(folder / REJECTED_FILE, "".join(_line(_rejection(item, teacher, provenance)) for item in rejected))
    write_json(folder / MANIFEST_FILE, report)


def _rejection(item: Rejected, teacher: str, provenance: dict[str, Any]) -> dict[str, Any]:
    record = {"paper_id": item.paper.paper_id, "teacher": teacher, "reason": item.reason, "detail": item.detail}
    if item.candidate:
        pair = {"question": item.candidate.question, "answer": item.candidate.answer}
        return {**record, **pair, **provenance, "seed": item.candidate.attempt.seed}
    return {**record, "responses": [asdict(attempt) for attempt in item.attempts], **provenance}


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
