"""Let a teacher write question-answer pairs about the abstracts, check them, and write them with a manifest.

python -m dataset_builder generate --teacher gemma --papers data/papers --years 2005-2021 --out data/qa
"""

import argparse
import logging
from collections.abc import Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

from rich.console import Console

from dataset_builder.command import parse_years
from dataset_builder.corpus.manifest import MANIFEST_FILE, WORK_FOLDER, Checks, Manifest
from dataset_builder.corpus.papers import read_papers
from dataset_builder.errors import InputError
from dataset_builder.files import exclusive_lock
from dataset_builder.generate.backends.backend import Backend, add_backend_arguments, select_backend
from dataset_builder.generate.checks import check_results
from dataset_builder.generate.report import Progress, build_manifest, generation_table
from dataset_builder.generate.responses import Request, ResponseJournal
from dataset_builder.generate.teacher_folder import (
    check_teacher_folder,
    generation_settings,
    make_teacher_folder,
    write_teacher_folder,
)
from dataset_builder.grounding.check import add_grounding_arguments, nearest_sentence_similarities
from dataset_builder.hardware import start_process
from dataset_builder.models.encoders import load_embed
from dataset_builder.models.folders import find_encoder
from dataset_builder.tables import as_table
from dataset_builder.teachers.teacher import Teacher, read_teacher

logger = logging.getLogger(__name__)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `generate`."""
    add = command.add_argument
    add("--teacher", required=True, metavar="T", help="name of a packaged teacher, or a YAML file")
    add("--papers", type=Path, required=True, metavar="DIR", help="folder of VENUE_YEAR.jsonl papers")
    add("--years", type=parse_years, nargs="+", metavar="Y", help="years or spans: 2019 2021-2023; default: all")
    add("--out", type=Path, required=True, metavar="DIR", help="output folder; the pairs go into its folder T")
    add("--seed", type=int, default=0, metavar="N", help="seed of the run; default: %(default)s")
    add_grounding_arguments(command)
    add_backend_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Run `generate` and print its table; exits with 3 if papers stay unanswered."""
    teacher = read_teacher(arguments.teacher)
    manifest = generate(
        teacher,
        select_backend(arguments, teacher),
        arguments.papers,
        sorted({year for span in arguments.years for year in span}) if arguments.years else None,
        arguments.out,
        arguments.seed,
        arguments.encoder,
        arguments.threshold,
    )
    if manifest is None:
        return
    console = Console()
    folder = arguments.out / teacher.name
    console.print(as_table(*generation_table(manifest), f"Pairs by {manifest.teacher.name}"))
    console.print(f"Pairs: {folder}    manifest: {folder / MANIFEST_FILE}", soft_wrap=True)
    if manifest.papers_unanswered:
        console.print(f"Papers without an answer: {manifest.papers_unanswered}; run the same command to ask again")
        raise SystemExit(3)


def generate(
    teacher: Teacher,
    backend: Backend,
    papers: Path,
    years: Sequence[int] | None,
    out: Path,
    seed: int,
    encoder: str,
    threshold: float,
) -> Manifest | None:
    """Write the pairs on the papers of `years` (None: all) into `out`/TEACHER, and return the manifest.

    The run continues an earlier run in the same folder. Its finished papers of other years are kept and counted, if
    `papers` still has them unchanged; otherwise a warning says that they are left out. Under `accelerate launch` each
    process takes a share of the papers. The main process writes the files; the others return None.

    Raises `InputError` for papers or an output folder that cannot be used, for a folder with the pairs of another
    teacher, prompt, seed, backend or model of a server, for a folder that another command is writing into, and for a
    model that cannot be run.
    """
    state = start_process()
    all_papers = [paper for paper in read_papers(papers) if paper.abstract]
    wanted = [paper for paper in all_papers if years is None or paper.year in years]
    if not wanted:
        raise InputError(f"{papers}: has no paper of these years with an abstract; give other years, or crawl them")
    requests = {
        paper.paper_id: Request(paper.paper_id, teacher.render_prompt(paper.title, paper.abstract or ""))
        for paper in all_papers
    }
    encoder_folder = find_encoder("--encoder", encoder)
    folder = out / teacher.name
    settings = generation_settings(teacher, backend.name, seed, backend.served_model)
    if state.is_main_process:
        make_teacher_folder(folder)
    # The main process locks the folder for all processes, and the others wait for it.
    with exclusive_lock(folder / WORK_FOLDER) if state.is_main_process else nullcontext():
        if state.is_main_process:
            check_teacher_folder(folder, settings, all_papers)
        state.wait_for_everyone()
        journal = ResponseJournal(folder / WORK_FOLDER, state.process_index)
        unfinished = [request for paper in wanted if not journal.get(request := requests[paper.paper_id])]
        # Load the encoder before the first response, so that a wrong one is reported at once and not after days.
        embed = load_embed(encoder_folder) if state.is_main_process else None
        # All processes must see the same unfinished papers before the first one adds to the journal.
        state.wait_for_everyone()
        with closing(Progress(wanted, len(unfinished), teacher, journal, state.is_main_process)) as progress:
            share = slice(state.process_index, None, state.num_processes)
            backend.respond(teacher, unfinished, seed, share, progress.add_results)
            state.wait_for_everyone()
        if embed is None:
            return None
        journal.read_new()
        results = [(paper, result) for paper in all_papers if (result := journal.get(requests[paper.paper_id]))]
        answered = [paper for paper, _ in results]
        left_out = journal.paper_ids - {paper.paper_id for paper in answered}
        if left_out:
            logger.warning(
                "%d papers of an earlier run (such as %s) are left out: --papers no longer has them, or has changed "
                "them. Their responses are kept. Restore the papers, or add their years to --years to ask again",
                len(left_out),
                min(left_out),
            )
        checked = check_results(results, teacher, partial(nearest_sentence_similarities, embed), threshold)
        checks = Checks(encoder=encoder_folder.label, threshold=threshold)
        unanswered = sum(not journal.get(requests[paper.paper_id]) for paper in wanted)
        manifest = build_manifest(settings, checks, results, checked, unanswered)
        write_teacher_folder(folder, manifest, answered, checked)
        return manifest
