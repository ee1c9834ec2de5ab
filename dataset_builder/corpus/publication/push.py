"""Publish a built corpus on the Hub, with or without its abstracts.

python -m dataset_builder push --dataset data/corpus --repo-id ORG/isca-qa --contexts full --tag v1.0.0
"""

import argparse
import logging
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from dataset_builder.corpus.publication.card import corpus_about, corpus_card, venue_names
from dataset_builder.corpus.report import REPORT_FILE, CorpusReport, read_corpus_report
from dataset_builder.corpus.rows import read_rows
from dataset_builder.corpus.split_files import CorpusFiles, find_split_files, write_split
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import write_format
from dataset_builder.hub.changes import CARD_FILE, Push, Pushed, print_pushed
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.push import add_push_arguments, check_repo_id, push
from dataset_builder.prompt import INSTRUCTION, MAX_ANSWER_TOKENS, build_prompt
from dataset_builder.templates import render

logger = logging.getLogger(__name__)

EVAL_FILE = "eval.yaml"
BENCHMARK = Path(__file__).parents[1] / "templates/eval.yaml.j2"
MESSAGE = "Push the corpus, contexts: {}"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `push`."""
    add = command.add_argument
    add("--dataset", type=Path, default=Path("data/corpus"), metavar="DIR", help="corpus folder; default: %(default)s")
    contexts = "full: publish the abstracts, which belong to publishers and authors; none: publish null in their place"
    add("--contexts", required=True, choices=("full", "none"), help=contexts)
    add_push_arguments(command)


def run_command(arguments: argparse.Namespace) -> None:
    """Push the corpus and print what changed on the Hub."""
    options = (arguments.private, arguments.tag, arguments.dry_run)
    pushed = push_corpus(arguments.dataset, arguments.repo_id, arguments.contexts, *options)
    print_pushed(pushed, arguments.dry_run)


def push_corpus(
    folder: Path, repo_id: str, contexts: str, private: bool = False, tag: str | None = None, dry_run: bool = False
) -> Pushed:
    """Push the corpus in `folder` with its contexts ("full") or with null in their place ("none").

    Raises `InputError` for a folder that is not a complete corpus, before any request to the Hub, and for a request
    that the Hub refuses.
    """
    check_repo_id(repo_id)
    warn_of_abstracts(folder, contexts)
    with tempfile.TemporaryDirectory() as stage:
        pushed = push(corpus_content(folder, repo_id, contexts, Path(stage)), private, tag, dry_run)
    if contexts == "none" and not pushed.is_new:
        warn_of_published_contexts(repo_id)
    return pushed


def corpus_content(folder: Path, repo_id: str, contexts: str, stage: Path) -> Push:
    """Return the content of the repo of the corpus in `folder`, with contexts "full" or "none" as in `push_corpus`.

    The folder is only read. New files are written to the empty folder `stage`. Raises `InputError` for a folder that
    is not a complete corpus, and for "none" if the abstracts were written for the corpus.
    """
    license_id = corpus_license(folder)
    report = read_corpus_report(folder)
    teachers = {name: manifest and manifest.without_folders() for name, manifest in report.teachers.items()}
    report = report.model_copy(update={"teachers": teachers})
    if contexts == "none" and corpus_about(report).own_abstracts:
        problem = "the abstracts were written for this corpus, so nobody could restore them from a crawl"
        raise InputError(f"--contexts none: {problem}; publish with --contexts full")
    files = find_split_files(folder, report.configs, report.train_teachers)
    _check_rows(files, report)
    write_format(stage / REPORT_FILE, report)
    for path in dict.fromkeys(files.values()):
        staged = stage / path.relative_to(folder)
        if contexts == "none":
            write_split(staged, [replace(row, context=None) for row in read_rows(path)])
        else:
            staged.parent.mkdir(exist_ok=True)
            shutil.copy(path, staged)
    card = corpus_card(stage, repo_id, license_id)
    prompt = build_prompt(INSTRUCTION, "{prompt}", "{question}")
    benchmark = render(
        BENCHMARK,
        name=report.name,
        venues=venue_names(report),
        configs=report.test_teachers,
        prompt=prompt,
        max_tokens=MAX_ANSWER_TOKENS,
    )
    return Push(
        repo_id=repo_id,
        repo_type="dataset",
        card=card,
        files={path.relative_to(stage).as_posix(): path for path in stage.rglob("*") if path.is_file()}
        | {EVAL_FILE: f"{benchmark}\n".encode()},
        message=MESSAGE.format(contexts),
    )


def corpus_license(folder: Path) -> str:
    """Return the licence in the card of the corpus in `folder`; raises `InputError` for a folder without a card."""
    from huggingface_hub import DatasetCard

    if not (folder / CARD_FILE).is_file():
        raise InputError(f"{folder}: holds no corpus; build one with `python -m dataset_builder build`")
    license_id: str = DatasetCard.load(folder / CARD_FILE, ignore_metadata_errors=True).data.license
    return license_id


def warn_of_abstracts(folder: Path, contexts: str) -> None:
    """Warn if a push of the corpus in `folder` includes abstracts of other people."""
    if contexts == "full" and corpus_license(folder) == "other":
        logger.warning("the push includes the abstracts, which belong to their publishers and authors")


def warn_of_published_contexts(repo_id: str) -> None:
    """Warn if the history of the repo has a push with contexts: it stays public, by its tags too."""
    from huggingface_hub import HfApi

    api = HfApi()
    state = "all else is done; run the same command again to see whether earlier commits hold the abstracts"
    with translate_hub_errors(repo_id, "dataset", state, always=True):
        commits = api.list_repo_commits(repo_id, repo_type="dataset")
        if all(commit.title != MESSAGE.format("full") for commit in commits):
            return
        refs = api.list_repo_refs(repo_id, repo_type="dataset")
    tags = f"delete the tags {' '.join(tag.name for tag in refs.tags)} on the Hub, then " if refs.tags else ""
    logger.warning(
        "earlier commits of %s still hold the abstracts, and everybody who can read the repo can load them. To remove "
        "them, push without contexts, %srun HfApi().super_squash_history(%r, repo_type='dataset'); or delete the repo",
        repo_id,
        tags,
        repo_id,
    )


def _check_rows(files: CorpusFiles, report: CorpusReport) -> None:
    """Refuse a corpus whose rows differ from its report, or whose abstracts do not have their hashes."""
    counts = {path: _count_checked_rows(path) for path in dict.fromkeys(files.values())}
    for (config, split), path in files.items():
        if counts[path] != report.configs[config][split].pairs:
            counted = f"{REPORT_FILE} counts {report.configs[config][split].pairs}"
            raise InputError(f"{path}: has {counts[path]} rows, but {counted}; build the corpus again")


def _count_checked_rows(path: Path) -> int:
    rows = read_rows(path)
    for row in rows:
        if row.context is None or sha256_of_text(row.context) != row.context_sha256:
            raise InputError(f"{path}: a context of {row.paper_id} does not have its hash; build it again")
    return len(rows)
