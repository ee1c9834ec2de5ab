"""A published corpus without its abstracts made whole again, from the papers of one's own crawl."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.corpus.build import write_finished_corpus
from dataset_builder.corpus.papers import read_papers
from dataset_builder.corpus.parquet import write_rows
from dataset_builder.corpus.report import REPORT_FILE, counts_of_rows
from dataset_builder.errors import InputError
from dataset_builder.files import read_json, replacing_folder, sha256_of_text
from dataset_builder.hub.changes import CARD_FILE
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.push import check_repo_id

# What to do about the papers whose abstract could not be put in.
FATES = {
    "matched": None,
    "missing": "crawl with --retry-missing, or look the abstracts up at their publishers",
    "differing": "another source's wording; crawl with the --sources that the corpus was made from",
}


@dataclass(frozen=True)
class Hydrated:
    """The papers of the published corpus by fate (matched, missing, differing), and the rows kept and left out."""

    papers: dict[str, list[str]]
    rows_kept: int
    rows_left_out: int


def hydrate(repo_id: str, papers: Path, out: Path, revision: str | None = None) -> Hydrated:
    """Put the abstracts of `papers` into the corpus `repo_id`, each where it has the published hash, and write `out`.

    Rows whose abstract is missing or differs are left out, so that every later stage takes the folder. Returns what
    became of the papers. Raises `InputError` when the corpus has its contexts, and when a split would be empty.
    """
    import pyarrow.parquet as pq
    from huggingface_hub import DatasetCard, snapshot_download

    check_repo_id(repo_id)
    abstracts = {paper.paper_id: paper.abstract for paper in read_papers(papers)}
    with translate_hub_errors(repo_id, "dataset"):
        patterns = ["*.parquet", CARD_FILE, REPORT_FILE]
        published = Path(snapshot_download(repo_id, repo_type="dataset", revision=revision, allow_patterns=patterns))
    if not (published / REPORT_FILE).is_file():
        raise InputError(f"--repo-id {repo_id}: holds no {REPORT_FILE}, so this project did not push it")
    report = read_json(published / REPORT_FILE)
    hydrated: dict[str, dict[str, dict[str, list[Any]]]] = {}
    fates: dict[str, str] = {}
    counts: Counter[str] = Counter()
    with replacing_folder(out, REPORT_FILE) as work:
        for config in report["configs"]:
            (work / config).mkdir()
            hydrated[config] = {}
            for path in sorted((published / config).glob("*.parquet")):
                rows = pq.read_table(path).to_pylist()
                if any(row["context"] is not None for row in rows):
                    raise InputError(
                        f"--repo-id {repo_id}: has its contexts, so there is nothing to put in; use it as it is: "
                        f'load_dataset("{repo_id}")'
                    )
                for row in rows:
                    abstract = abstracts.get(row["paper_id"])
                    same = abstract is not None and sha256_of_text(abstract) == row["context_sha256"]
                    fates[row["paper_id"]] = "matched" if same else "missing" if abstract is None else "differing"
                    row["context"] = abstract if same else None
                kept = [row for row in rows if row["context"] is not None]
                split = path.name.split("-")[0]
                if not kept:
                    raise InputError(
                        f"the split {split!r} of {config!r} would be empty: {papers} has the abstract of none of its "
                        "papers as it was published; crawl the venue and years that the corpus's card names"
                    )
                write_rows(work / config / path.name, kept)
                hydrated[config][split] = {column: [row[column] for row in kept] for column in kept[0]}
                counts["kept"] += len(kept)
                counts["left out"] += len(rows) - len(kept)
        report |= counts_of_rows(hydrated)
        left_out = sum(fate != "matched" for fate in fates.values())
        if left_out:
            report["papers_left_out_by_hydration"] = left_out
        card = DatasetCard.load(published / CARD_FILE, ignore_metadata_errors=True)
        write_finished_corpus(work, report, repo_id, card.data.license)
    papers_of = {fate: sorted(paper for paper, of in fates.items() if of == fate) for fate in FATES}
    return Hydrated(papers_of, rows_kept=counts["kept"], rows_left_out=counts["left out"])
