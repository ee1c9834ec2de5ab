"""Restore the abstracts of a corpus that is published without them, from your own crawl.

python -m dataset_builder hydrate --repo-id ORG/isca-qa --papers data/papers --out data/corpus
"""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from dataset_builder.corpus.build import write_metadata
from dataset_builder.corpus.load import rows_revision
from dataset_builder.corpus.papers import read_papers
from dataset_builder.corpus.report import (
    REPORT_FILE,
    CorpusReport,
    count_rows,
    find_foreign_files,
    read_configs,
    read_corpus_report,
)
from dataset_builder.corpus.rows import CorpusRow, read_rows
from dataset_builder.corpus.split_files import find_split_files, write_split
from dataset_builder.errors import InputError
from dataset_builder.files import replacing_folder, sha256_of_text
from dataset_builder.hub.changes import CARD_FILE
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.push import check_repo_id

# How the abstract of a paper compares with the published one, and what to do if it cannot be restored.
REMEDIES = {
    "matched": None,
    "missing": "crawl with --retry-missing, or get the abstracts from their publishers",
    "different": "another source has another wording: crawl with other --sources",
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the stage `hydrate`."""
    command.add_argument("--repo-id", required=True, metavar="ORG/NAME", help="the corpus on the Hub")
    command.add_argument("--revision", metavar="REV", help="commit or tag of the corpus; default: the newest commit")
    command.add_argument("--papers", type=Path, required=True, metavar="DIR", help="folder of your own papers")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="corpus folder; it is replaced")


def run_command(arguments: argparse.Namespace) -> None:
    """Restore the abstracts and print which ones; exit with code 3 if rows are left out."""
    console = Console()
    outcomes, kept, left_out = hydrate(arguments.repo_id, arguments.papers, arguments.out, arguments.revision)
    for outcome, remedy in REMEDIES.items():
        papers = sorted(paper for paper in outcomes if outcomes[paper] == outcome)
        console.print(f"Papers {outcome}: {len(papers)}")
        if remedy and papers:
            for paper in papers:
                console.print(f"  {paper}", soft_wrap=True, highlight=False)
            console.print(f"  To restore them: {remedy}, then hydrate again", soft_wrap=True)
    console.print(f"Rows: {kept} kept, {left_out} left out    corpus: {arguments.out}")
    if left_out:
        raise SystemExit(3)


def hydrate(repo_id: str, papers: Path, out: Path, revision: str | None = None) -> tuple[dict[str, str], int, int]:
    """Put the abstracts of `papers` into the corpus `repo_id` and write it to `out`.

    An abstract is used if it has the published hash. Rows without one are left out, so that every later stage can use
    the folder. Returns the outcome (a key of `REMEDIES`) of each published paper, and the numbers of rows kept and
    left out. Raises `InputError` for a corpus that has its contexts, and if a split would be empty.
    """
    from huggingface_hub import DatasetCard, snapshot_download

    check_repo_id(repo_id)
    abstracts = {paper.paper_id: paper.abstract for paper in read_papers(papers)}
    with translate_hub_errors(repo_id, "dataset"):
        patterns = ["*.parquet", CARD_FILE, REPORT_FILE]
        published = Path(snapshot_download(repo_id, repo_type="dataset", revision=revision, allow_patterns=patterns))
    if not (published / REPORT_FILE).is_file():
        raise InputError(f"--repo-id {repo_id}: has no {REPORT_FILE}, so it is not a corpus of this project")
    report = read_corpus_report(published)
    files = find_split_files(published, report.configs, report.train_teachers)
    outcomes: dict[str, str] = {}
    with replacing_folder(out, find_foreign_files) as work:
        for path, (config, split) in {path: key for key, path in files.items()}.items():
            rows = read_rows(path)
            for row in rows:
                if row.context is not None:
                    raise InputError(f"--repo-id {repo_id}: has its contexts; use it as it is, without `hydrate`")
                if row.paper_id not in outcomes:
                    outcomes[row.paper_id] = _compare(row, abstracts.get(row.paper_id))
            restored = [
                replace(row, context=abstracts[row.paper_id]) for row in rows if outcomes[row.paper_id] == "matched"
            ]
            if not restored:
                problem = f"{papers} has no abstract of the split {split!r} of {config!r}, which would be empty"
                raise InputError(f"{problem}; crawl the venue and the years that the corpus's card names")
            write_split(work / path.relative_to(published), restored)
        restored_files = find_split_files(work, report.configs, report.train_teachers)
        configs = read_configs(restored_files)
        papers_left_out = sum(outcome != "matched" for outcome in outcomes.values())
        hydrated = report.model_copy(
            update={
                **dict(count_rows(configs)),
                "papers_left_out_by_hydration": papers_left_out or report.papers_left_out_by_hydration,
                "revision": rows_revision(restored_files),
            }
        )
        card = DatasetCard.load(published / CARD_FILE, ignore_metadata_errors=True)
        write_metadata(work, hydrated, repo_id, card.data.license)
    rows_read, rows_kept = map(_count_pairs, (report, hydrated))
    return outcomes, rows_kept, rows_read - rows_kept


def _count_pairs(report: CorpusReport) -> int:
    """Return the number of pairs. The pairs of training and validation are the same in every config."""
    first, *others = report.configs.values()
    pairs: int = sum(counts.pairs for counts in first.values()) + sum(splits["test"].pairs for splits in others)
    return pairs


def _compare(row: CorpusRow, abstract: str | None) -> str:
    if abstract is None:
        return "missing"
    return "matched" if sha256_of_text(abstract) == row.context_sha256 else "different"
