"""Load a built corpus from its folder or from the Hub."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dataset_builder.corpus.report import REPORT_FILE, read_corpus_report
from dataset_builder.corpus.split_files import CorpusFiles, find_split_files, split_file
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.hub.changes import CARD_FILE
from dataset_builder.hub.errors import translate_hub_errors
from dataset_builder.hub.ids import is_hub_id

if TYPE_CHECKING:
    from datasets import Dataset

REQUIRED_COLUMNS = ("instruction", "context", "question", "answer", "paper_id", "year")
BUILD = "build the corpus with `python -m dataset_builder build`"


def load_corpus_split(dataset: str, config: str | None, split: str, revision: str | None = None) -> "Dataset":
    """Return one split of the corpus `dataset`, a folder or a Hub id; config None is the default config.

    Its rows are in a file in the cache of `datasets`, which is mapped into memory.

    `revision` is what `corpus_revision` returned; None is the newest commit. A folder has one revision only.

    Raises `InputError` if the corpus, the config, the split, a column or the contexts are missing.
    """
    from datasets import load_dataset

    if Path(dataset).is_dir() and not (Path(dataset) / CARD_FILE).is_file():
        raise InputError(f"{dataset}: not a corpus (it has no {CARD_FILE}); {BUILD}")
    try:
        revision = None if Path(dataset).is_dir() else revision
        rows = load_dataset(dataset, config, split=split, revision=revision, keep_in_memory=False)
    except Exception as error:  # errors of the library, the Hub's client and the parser share no class
        asked = f"dataset {dataset!r}, config {config or 'default'!r}, split {split!r}"
        remedy = "check the folder or Hub id, the config and the split" + (
            "" if Path(dataset).is_dir() else ", and the network"
        )
        raise InputError(f"{asked}: cannot be loaded ({error}); {remedy}") from error
    missing = [column for column in REQUIRED_COLUMNS if column not in rows.column_names]
    if missing:
        raise InputError(f"dataset {dataset!r}: has no column {', '.join(map(repr, missing))}; {BUILD}")
    without_context = rows.data["context"].null_count
    if without_context:
        raise InputError(
            f"dataset {dataset!r}, split {split!r}: {without_context} of {len(rows)} rows have no context, since the "
            "corpus is published without its abstracts; restore them from your own crawl with `python -m "
            f"dataset_builder hydrate --repo-id {dataset} --papers DIR --out DIR`, and use that folder"
        )
    return rows


def configs_with_test(dataset: str, revision: str | None = None) -> list[str]:
    """Return the configs of a corpus that have a test split, which `load_corpus_split` can load at this `revision`."""
    from datasets import get_dataset_config_names, get_dataset_split_names

    revision = None if Path(dataset).is_dir() else revision
    names = get_dataset_config_names(dataset, revision=revision)
    return [name for name in names if "test" in get_dataset_split_names(dataset, name, revision=revision)]


def corpus_revision(dataset: str, wanted: str | None = None) -> str:
    """Return what identifies the rows of a corpus: its commit on the Hub, or for a folder a SHA-256 of its rows.

    The SHA-256 is over the rows without `context` and with its hash. So a corpus has the same revision with its
    abstracts, without them, and after they are restored. `wanted` is a commit, tag or branch on the Hub; None is its
    newest commit, or without a network the commit of the cached copy, which `load_corpus_split` loads too.

    Raises `InputError` if there is neither such a folder nor such a corpus on the Hub, and for a `wanted` of a folder.
    """
    folder = Path(dataset)
    if folder.is_dir():
        if wanted:
            raise InputError(
                f"revision {wanted!r} of dataset {dataset!r}: only a corpus on the Hub has revisions; "
                "leave the revision out"
            )
        if (folder / REPORT_FILE).is_file():
            report = read_corpus_report(folder)
            return rows_revision(find_split_files(folder, report.configs, report.train_teachers))
        return _digest_rows({path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.parquet"))})
    if not is_hub_id(dataset):
        raise InputError(f"dataset {dataset!r}: no such folder; give the folder of a corpus, or a Hub id; {BUILD}")
    from huggingface_hub import hf_hub_download

    # A mistyped folder looks like a Hub id.
    with translate_hub_errors(dataset, "dataset", f"there is no folder {dataset} here, either", always=True):
        # The cache has a folder for each commit, named after it.
        return Path(hf_hub_download(dataset, CARD_FILE, repo_type="dataset", revision=wanted)).parent.name


def rows_revision(files: CorpusFiles) -> str:
    """Return the revision of the corpus that has these files. It does not depend on how the rows are stored."""
    named = {split_file(config, split): path for (config, split), path in files.items()}
    return _digest_rows({name: named[name] for name in sorted(named, key=PurePosixPath)})


def _digest_rows(files: Mapping[str, Path]) -> str:
    import pyarrow.parquet as pq

    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{name}\n".encode())
        for row in pq.read_table(path).to_pylist():
            context = row.pop("context", None)
            if "context_sha256" not in row:
                row["context_sha256"] = sha256_of_text(context or "")
            digest.update(f"{json.dumps(row, sort_keys=True)}\n".encode())
    return f"sha256:{digest.hexdigest()}"
