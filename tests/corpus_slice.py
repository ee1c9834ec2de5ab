"""Write a slice of the open corpus for the tests: 48 of its papers, with all their pairs."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from pathlib import Path

OPEN_CORPUS = Path(__file__).parents[1] / "dataset_builder" / "open_corpus"
# One to five papers of each year: 33 before 2022, five of which are for validation, and 15 for the test.
PAPER_IDS = frozenset(
    (
        *("https://ieeexplore.ieee.org/document/1431568", "10.1109/isca.2006.17", "10.1145/1250662.1250722"),
        *("10.1109/isca.2008.21", "10.1145/1555754.1555758", "10.1145/1815961.1815968", "10.1145/2000064.2000073"),
        *("10.1109/isca.2012.6237001", "10.1145/2485922.2485928", "10.1145/2485922.2485943"),
        *("10.1145/2485922.2485963", "10.1145/2678373.2665726", "10.1145/2678373.2665712", "10.1145/2678373.2665678"),
        *("10.1145/2749469.2750385", "10.1145/2749469.2749475", "10.1145/2749469.2750392", "10.1109/isca.2016.17"),
        *("10.1109/isca.2016.30", "10.1109/isca.2016.40", "10.1109/isca.2016.12", "10.1145/3079856.3080246"),
        *("10.1145/3079856.3080231", "10.1145/3079856.3080238", "10.1109/isca.2018.00014", "10.1109/isca.2018.00040"),
        *("10.1145/3307650.3322227", "10.1145/3307650.3322234", "10.1109/isca45697.2020.00045"),
        *("10.1109/isca45697.2020.00059", "10.1109/isca45697.2020.00047", "10.1109/isca52012.2021.00047"),
        *("10.1109/isca52012.2021.00010", "10.1145/3470496.3527382", "10.1145/3470496.3527442"),
        *("10.1145/3470496.3527393", "10.1145/3470496.3527408", "10.1145/3470496.3527429", "10.1145/3579371.3589038"),
        *("10.1145/3579371.3589063", "10.1145/3579371.3589049", "10.1145/3579371.3589350", "10.1145/3579371.3589052"),
        *("10.1109/isca59077.2024.00025", "10.1109/isca59077.2024.00041", "10.1109/isca59077.2024.00019"),
        *("10.1109/isca59077.2024.00084", "10.1109/isca59077.2024.00017"),
    )
)


def write_corpus_slice(folder: Path, paper_ids: frozenset[str] = PAPER_IDS) -> Path:
    """Write `papers/` and `qa/` of some papers to `folder`, in the files and the order of the open corpus."""
    for source in sorted(OPEN_CORPUS.rglob("*.jsonl")):
        with source.open(encoding="utf-8") as file:
            lines = [line for line in file if json.loads(line)["paper_id"] in paper_ids]
        target = folder / source.relative_to(OPEN_CORPUS)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(lines), encoding="utf-8")
    return folder


# The folder of the slice. Each process of the tests writes its own and removes it when it ends.
CORPUS_SLICE = write_corpus_slice(Path(tempfile.mkdtemp(prefix="corpus-slice-")))
atexit.register(shutil.rmtree, CORPUS_SLICE, ignore_errors=True)
