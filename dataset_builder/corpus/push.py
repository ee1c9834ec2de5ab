"""The corpus on the Hub: what of a built folder is sent, and what is checked before."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.corpus.benchmark import EVAL_FILE, benchmark_yaml
from dataset_builder.corpus.card import corpus_card
from dataset_builder.corpus.parquet import parquet_path, write_rows
from dataset_builder.corpus.report import REPORT_FILE
from dataset_builder.corpus.splits import SPLITS
from dataset_builder.errors import InputError
from dataset_builder.files import read_json, sha256_of_text
from dataset_builder.hub.card_checks import check_metadata
from dataset_builder.hub.changes import CARD_FILE, Push, Pushed
from dataset_builder.hub.push import check_repo_id, push

if TYPE_CHECKING:
    import pyarrow

logger = logging.getLogger(__name__)

OWNED = (*(f"*/{split}-*.parquet" for split in SPLITS), REPORT_FILE, EVAL_FILE)


def push_corpus(
    folder: Path, repo_id: str, contexts: str, private: bool = False, tag: str | None = None, dry_run: bool = False
) -> Pushed:
    """Push the corpus in `folder`, with its contexts ("full") or with null in their place ("none").

    Returns what came of it. The folder itself is only read. Raises `InputError` for a folder that is no whole corpus,
    before anything is asked of the Hub, and for what the Hub refuses.
    """
    from huggingface_hub import DatasetCard

    if not (folder / REPORT_FILE).is_file() or not (folder / CARD_FILE).is_file():
        raise InputError(f"{folder}: holds no corpus; build one with `python -m dataset_builder build`")
    check_repo_id(repo_id)
    report = read_json(folder / REPORT_FILE)
    if "configs" not in report or "teachers" not in report:
        raise InputError(
            f"{folder}: its {REPORT_FILE} is not that of a built corpus (an older build's, or a model's own answers); "
            "build one with `python -m dataset_builder build`"
        )
    _check_rows(folder, report)
    license_id = DatasetCard.load(folder / CARD_FILE, ignore_metadata_errors=True).data.license
    if contexts == "full" and license_id == "other":
        logger.warning("the abstracts are published, too; they belong to their publishers and authors")
    with tempfile.TemporaryDirectory() as temporary:
        stage = Path(temporary)
        shutil.copy(folder / REPORT_FILE, stage)
        paths = [parquet_path(config, split) for config in report["configs"] for split in SPLITS]
        for path in paths:
            (stage / path).parent.mkdir(exist_ok=True)
            if contexts == "full":
                shutil.copy(folder / path, stage / path)
            else:
                write_rows(stage / path, [row | {"context": None} for row in _rows(folder / path)])
        card = corpus_card(stage, repo_id, license_id)
        check_metadata(DatasetCard(card).data.to_dict(), f"the card of {folder}")
        what = Push(
            repo_id=repo_id,
            repo_type="dataset",
            card=card,
            files={
                **{path: stage / path for path in paths},
                REPORT_FILE: stage / REPORT_FILE,
                EVAL_FILE: benchmark_yaml(report["test_teachers"]).encode(),
            },
            owned=OWNED,
            message=f"Push the corpus, contexts: {contexts}",
        )
        return push(what, private, tag, dry_run)


def _rows(path: Path) -> list[dict]:
    return _table(path).to_pylist()


def _table(path: Path) -> pyarrow.Table:
    import pyarrow
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); build the corpus again") from error


def _check_rows(folder: Path, report: dict) -> None:
    """Refuse a corpus that is not what its report says, or whose abstracts do not have their hashes."""
    from dataset_builder.corpus.builder import FEATURES

    for config, splits in report["configs"].items():
        for split in SPLITS:
            path = folder / parquet_path(config, split)
            table = _table(path)
            if table.column_names != list(FEATURES):
                raise InputError(
                    f"{path}: has the columns {', '.join(table.column_names)}, where a corpus has "
                    f"{', '.join(FEATURES)}; build the corpus again"
                )
            if table.num_rows != splits[split]["pairs"]:
                raise InputError(
                    f"{path}: has {table.num_rows} rows, and {REPORT_FILE} counts {splits[split]['pairs']}; "
                    "build the corpus again"
                )
            for row in table.select(["context", "context_sha256", "paper_id"]).to_pylist():
                if row["context"] is None or sha256_of_text(row["context"]) != row["context_sha256"]:
                    raise InputError(
                        f"{path}: the context of {row['paper_id']} does not have its hash; build the corpus again"
                    )
