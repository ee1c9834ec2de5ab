"""A teacher's run from start to end: the requests, the responses, the checks, the files, the manifest."""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataset_builder.corpus.manifest import MANIFEST_FILE, WORK_FOLDER
from dataset_builder.corpus.papers import Paper, read_papers
from dataset_builder.corpus.records import VENUE_YEAR
from dataset_builder.errors import InputError
from dataset_builder.files import exclusive_lock, make_writable_folder, read_json, write_json, write_text
from dataset_builder.generate.backends.http import Endpoint
from dataset_builder.generate.backends.in_process import InProcess
from dataset_builder.generate.checks import Candidate, Rejected, check_responses
from dataset_builder.generate.journal import Finished, Journal, Request
from dataset_builder.generate.progress import Progress
from dataset_builder.generate.provenance import model_source
from dataset_builder.generate.report import manifest
from dataset_builder.teachers.teacher import Teacher
from dataset_builder.grounding import load_encoder
from dataset_builder.hardware import start_process
from dataset_builder.packaged_models import hub_id

logger = logging.getLogger(__name__)

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
    account as long as `papers` has them as they were, else they are left out with a warning. `years` None means all.
    Under accelerate each process takes its share, and all but the main one, which writes the files, return None.

    Raises `InputError` for papers or an output folder that are not fit, for a folder that holds the pairs of another
    teacher, prompt, seed or way, or of a year that `papers` has no more, or that another command is writing into, and
    for what the way of running raises.
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
    if state.is_main_process:
        _make(folder)
    # The main process holds the folder for all of them, and the others wait until it does.
    with exclusive_lock(folder / WORK_FOLDER) if state.is_main_process else nullcontext():
        if state.is_main_process:
            _open(folder, settings, every)
        state.wait_for_everyone()
        journal = Journal(folder / WORK_FOLDER, state.process_index)
        # The processes share out what the journal says is undone: none adds to it before all have read it.
        state.wait_for_everyone()
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
        _warn_of_papers_left_out(journal, results)
        unanswered = sum(not journal.is_done(requests[paper.paper_id]) for paper in wanted)
        accepted, rejected = check_responses(results, teacher.limits, similarity, threshold)
        checks = {"encoder": hub_id(Path(encoder)) or encoder, "threshold": threshold}
        report = manifest(settings, checks, results, accepted, rejected, unanswered)
        _write(folder, report, results, accepted, rejected)
        return report


def _make(folder: Path) -> None:
    """Make the folder of a teacher where there is none; raises `InputError` where it holds files of others."""
    settings = folder / WORK_FOLDER / SETTINGS_FILE
    if folder.is_dir() and not settings.is_file() and any(entry.name != WORK_FOLDER for entry in folder.iterdir()):
        raise InputError(f"{folder}: holds files that this command has not made; give another --out")
    make_writable_folder(settings.parent)


def _open(folder: Path, settings: dict[str, Any], papers: list[Paper]) -> None:
    """Hold the folder, which this process has to itself, to a run of `settings` on `papers`, or begin one there.

    Raises `InputError` where it has pairs of other settings, or of a year of which there is no paper.
    """
    path = folder / WORK_FOLDER / SETTINGS_FILE
    if path.is_file():
        held = read_json(path)
        differing = [key for key in settings if held.get(key) != json.loads(json.dumps(settings[key]))]
        if differing:
            raise InputError(
                f"{folder}: holds pairs made with another {' and '.join(map(_told, differing))}. Give another --out "
                "or, for a changed teacher, its file another name; or move that folder away to make them anew"
            )
    else:
        write_json(path, settings)
    names = {_pairs_file(paper) for paper in papers}
    gone = [name for name in sorted(path.name for path in _pairs_files(folder)) if name not in names]
    if gone:
        raise InputError(
            f"{folder}: holds {', '.join(gone)}, and --papers no paper with an abstract of that venue and year, so "
            "they would have to go. Give a --papers folder that holds those papers as well, or another --out"
        )


def _pairs_file(paper: Paper) -> str:
    return f"{paper.venue}_{paper.year}.jsonl"


def _pairs_files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.jsonl") if VENUE_YEAR.fullmatch(path.stem)]


def _warn_of_papers_left_out(journal: Journal, results: list[tuple[Paper, Finished]]) -> None:
    left_out = {paper_id for paper_id, _ in journal.finished} - {paper.paper_id for paper, _ in results}
    if left_out:
        logger.warning(
            "%d papers that were finished earlier (such as %s) are left out: --papers has them no more, or with "
            "another title or abstract and in a year that was not asked for. Their responses are kept; put them back, "
            "or name their years in --years to have them asked about anew",
            len(left_out),
            min(left_out),
        )


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
    lines: dict[str, list[str]] = {_pairs_file(paper): [] for paper, _ in results}
    for pair in accepted:
        record = {
            "paper_id": pair.paper.paper_id,
            "teacher": teacher,
            "question": pair.question,
            "answer": pair.answer,
            **provenance,
            "seed": pair.attempt.seed,
        }
        lines[_pairs_file(pair.paper)].append(_line(record))
    # Files of years of which every paper is left out: their pairs are not in the account.
    for path in _pairs_files(folder):
        if path.name not in lines:
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
