"""Write small papers/ and qa/ folders, from which a corpus of three papers is built."""

from __future__ import annotations

import json
from pathlib import Path

PAPERS = [("10.1/train", "A Train", 2020), ("10.1/validation22", "A Validation", 2020), ("10.1/test", "A Test", 2023)]


def append(path: Path, record: object) -> None:
    """Add a JSON line to a file, which is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def write_sources(folder: Path) -> None:
    """Write three papers, and two pairs on each: of the teacher "t" for 2020, and of the teacher "u" for 2023."""
    for paper_id, title, year in PAPERS:
        record = {
            "paper_id": paper_id,
            "title": title,
            "year": year,
            "venue": "isca",
            "paper_url": f"https://doi.org/{paper_id}",
            "abstract": f"The abstract of {title}. It says that caches are small.",
        }
        append(folder / f"papers/isca_{year}.jsonl", record)
        teacher = "u" if year == 2023 else "t"
        for number in (1, 2):
            pair = {
                "paper_id": paper_id,
                "teacher": teacher,
                "question": f"Question {number} on {title}?",
                "answer": f"Answer {number}.",
            }
            append(folder / f"qa/{teacher}/isca_{year}.jsonl", pair)
