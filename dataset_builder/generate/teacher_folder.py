"""Open the folder of a teacher's pairs for one run, and write its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_builder.corpus.manifest import (
    MANIFEST_FILE,
    REJECTED_FILE,
    WORK_FOLDER,
    GenerationSettings,
    Manifest,
    RejectedPair,
)
from dataset_builder.corpus.pairs import QAPair
from dataset_builder.corpus.papers import VENUE_YEAR, Paper
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, write_text
from dataset_builder.formats import read_format, to_json_line, write_format
from dataset_builder.generate.checks import CheckedPairs, Rejected

# The settings that generated the journal's responses.
SETTINGS_FILE = "settings.json"
SETTING_NAMES = {"backend": "backend (--endpoint)", "model_note": "note on the model", "seed": "--seed"}


def make_teacher_folder(folder: Path) -> None:
    """Create the folder if it does not exist; raises `InputError` for a folder with files of another origin."""
    settings = folder / WORK_FOLDER / SETTINGS_FILE
    if folder.is_dir() and not settings.is_file() and any(entry.name != WORK_FOLDER for entry in folder.iterdir()):
        raise InputError(f"{folder}: has files that `generate` did not write; give another --out")
    make_writable_folder(settings.parent)


def check_teacher_folder(folder: Path, settings: GenerationSettings, papers: Sequence[Paper]) -> None:
    """Check that a run with `settings` on `papers` may continue in the folder; in a new folder write the settings.

    The caller has the lock of the folder. Raises `InputError` if the folder has pairs of other settings, or pairs of a
    venue and year without papers.
    """
    path = folder / WORK_FOLDER / SETTINGS_FILE
    if path.is_file():
        remedy = "give another --out, or move the folder away to generate the pairs again"
        found = read_format(GenerationSettings, path, remedy)
        differing = [
            name for name in GenerationSettings.model_fields if getattr(found, name) != getattr(settings, name)
        ]
        if differing:
            names = " and ".join(SETTING_NAMES.get(name, name.replace("_", " ")) for name in differing)
            raise InputError(
                f"{folder}: has pairs that were generated with another {names}. Give another --out; or, for a changed "
                "teacher, rename its file; or move the folder away to generate the pairs again"
            )
    else:
        write_format(path, settings)
    names_of_papers = {_pairs_file(paper) for paper in papers}
    gone = [name for name in sorted(path.name for path in _pairs_files(folder)) if name not in names_of_papers]
    if gone:
        raise InputError(
            f"{folder}: has {', '.join(gone)}, but --papers has no paper with an abstract of that venue and year, so "
            "the pairs would be deleted. Give a --papers folder that also has those papers, or another --out"
        )


def write_teacher_folder(folder: Path, manifest: Manifest, papers: Sequence[Paper], pairs: CheckedPairs) -> None:
    """Write the accepted pairs, the rejected pairs and, last, the manifest.

    A folder without a manifest is unfinished. `papers` are the papers with a result; each of their years gets a file.
    """
    (folder / MANIFEST_FILE).unlink(missing_ok=True)
    provenance: dict[str, Any] = {
        "teacher": manifest.teacher.name,
        "teacher_model": manifest.model,
        "teacher_revision": manifest.revision,
        "prompt_sha256": manifest.prompt_sha256,
        "sampling": manifest.teacher.sampling,
    }
    lines: dict[str, list[str]] = {_pairs_file(paper): [] for paper in papers}
    for candidate in pairs.accepted:
        pair = QAPair(
            paper_id=candidate.paper.paper_id,
            question=candidate.question,
            answer=candidate.answer,
            seed=candidate.seed,
            **provenance,
        )
        lines[_pairs_file(candidate.paper)].append(to_json_line(pair, exclude_none=True))
    # Delete the files of years without a result: the manifest does not count their pairs.
    for path in _pairs_files(folder):
        if path.name not in lines:
            path.unlink()
    for name, lines_of_year in lines.items():
        write_text(folder / name, "".join(lines_of_year))
    rejected = [to_json_line(_rejected_pair(item, provenance), exclude_none=True) for item in pairs.rejected]
    write_text(folder / REJECTED_FILE, "".join(rejected))
    write_format(folder / MANIFEST_FILE, manifest)


def _rejected_pair(rejected: Rejected, provenance: dict[str, Any]) -> RejectedPair:
    candidate = rejected.candidate
    return RejectedPair(
        paper_id=rejected.paper.paper_id,
        reason=rejected.problem.reason,
        detail=rejected.problem.detail,
        question=candidate.question if candidate else None,
        answer=candidate.answer if candidate else None,
        seed=candidate.seed if candidate else None,
        responses=None if candidate else list(rejected.responses),
        **provenance,
    )


def _pairs_file(paper: Paper) -> str:
    return f"{paper.venue}_{paper.year}.jsonl"


def _pairs_files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.jsonl") if VENUE_YEAR.fullmatch(path.stem)]
