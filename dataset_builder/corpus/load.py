"""A finished corpus read back, from its folder or from the Hub."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.hub.errors import translate_hub_errors

if TYPE_CHECKING:
    from datasets import Dataset

COLUMNS = ("instruction", "context", "question", "answer", "paper_id", "year")


def load_corpus_split(dataset: str, config: str | None, split: str, revision: str | None = None) -> Dataset:
    """Return one split of the corpus `dataset`, a folder or a Hub id; `config` None means the default one.

    `revision` is a commit on the Hub, by default the newest.

    Raises `InputError` when the corpus, the config or the split is not there, or a column is missing.
    """
    from datasets import load_dataset

    if Path(dataset).is_dir() and not (Path(dataset) / "README.md").is_file():
        raise InputError(
            f"{dataset}: holds no corpus (no README.md); build one with `python -m dataset_builder build`"
        )
    try:
        rows = load_dataset(dataset, config, split=split, revision=revision)
    except Exception as error:  # the library raises its own, the Hub client's and the parser's errors, of no one class
        where = "no such folder, nor found on the Hub" if not Path(dataset).is_dir() else "cannot be loaded"
        raise InputError(
            f"dataset {dataset!r}, config {config or 'default'!r}, split {split!r}: {where} ({error})"
        ) from error
    missing = [column for column in COLUMNS if column not in rows.column_names]
    if missing:
        raise InputError(
            f"dataset {dataset!r}: has no column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, rows.column_names))}; build the corpus with `python -m dataset_builder build`"
        )
    without = rows.data["context"].null_count
    if without:
        raise InputError(
            f"dataset {dataset!r}, split {split!r}: {without} of {len(rows)} rows have no context, for the abstracts "
            "are not published with it; put them in from your own crawl with `python -m dataset_builder hydrate "
            f"--repo-id {dataset} --papers DIR --out DIR`, and use that folder"
        )
    return rows


def corpus_revision(dataset: str) -> str:
    """Return what pins the corpus: its commit on the Hub, or for a folder the SHA-256 of its rows.

    The rows are taken without `context`, for which its hash stands, so that a corpus has the same revision with its
    contexts, without them, and after they were put back. Without the network the commit is that of the copy kept here,
    as the rows are.

    Raises `InputError` when there is neither such a folder nor such a corpus on the Hub.
    """
    folder = Path(dataset)
    if folder.is_dir():
        return f"sha256:{_rows_digest(folder)}"
    from huggingface_hub import hf_hub_download

    # A mistyped folder looks like a Hub id.
    with translate_hub_errors(dataset, "dataset", again=f"there is no folder {dataset} here, either"):
        # A file of the cache lies in a folder of its commit's name.
        return Path(hf_hub_download(dataset, "README.md", repo_type="dataset")).parent.name


def _rows_digest(folder: Path) -> str:
    import pyarrow.parquet as pq

    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        digest.update(f"{path.relative_to(folder)}\n".encode())
        for row in pq.read_table(path).to_pylist():
            context = row.pop("context", None)
            if "context_sha256" not in row:
                row["context_sha256"] = sha256_of_text(context or "")
            digest.update(f"{json.dumps(row, sort_keys=True)}\n".encode())
    return digest.hexdigest()
