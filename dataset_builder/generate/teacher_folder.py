"""Open the folder of a teacher's pairs for a run with certain settings, and write its files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_builder.corpus.manifest import (
    MANIFEST_FILE,
    REJECTED_FILE,
    WORK_FOLDER,
    BackendName,
    GenerationSettings,
    Manifest,
    RejectedPair,
)
from dataset_builder.corpus.pairs import QAPair
from dataset_builder.corpus.papers import VENUE_YEAR, Paper
from dataset_builder.errors import InputError
from dataset_builder.files import make_writable_folder, sha256_of, sha256_of_text, write_text
from dataset_builder.formats import read_format, to_json_line, write_format
from dataset_builder.generate.checks import CheckedPair
from dataset_builder.models.folders import find_model
from dataset_builder.models.packaged import read_model_source
from dataset_builder.teachers.teacher import Teacher

# The settings that generated the journal's responses.
SETTINGS_FILE = "settings.json"
SETTING_NAMES = {
    "backend": "backend (--endpoint)",
    "model_note": "note on the model",
    "seed": "--seed",
    "served_model": "--endpoint-model",
}
UNCONFIRMED = "Served over HTTP: the server was not asked which revision it ran."


def generation_settings(
    teacher: Teacher, backend: BackendName, seed: int, served_model: str | None = None
) -> GenerationSettings:
    """Return the settings of a run, with the model's name and revision wherever it is loaded from.

    A model on the Hub has its id and commit. A folder has what its source.json says, or else its path and the SHA-256
    of its files. Over HTTP the identity is what the teacher's file asks for, and the note says so. Raises `InputError`
    for a folder without a model, and for a Hub id without its commit.
    """
    model, revision = teacher.model, teacher.revision
    note = UNCONFIRMED if backend == "http" else None
    if revision is None and (source := read_model_source(Path(model))):
        model, revision, note = source.hub_id, source.package, " ".join(filter(None, (source.note, note)))
    elif revision is None and backend != "http":
        if not Path(model).is_dir():
            raise InputError(
                f"teacher {teacher.name}: {model} is not a folder. Write it with "
                "`python -m dataset_builder models --out data/models`, or give a model on the Hub and its revision"
            )
        files = find_model(f"teacher {teacher.name}, model", model).fingerprint
        # The fingerprint of a model lacks its chat template, by which a teacher is asked.
        templates = [sha256_of(path) for path in sorted(Path(model).glob("*.jinja"))]
        revision = f"sha256:{sha256_of_text(' '.join([files, *templates]))}"
    return GenerationSettings(
        teacher=teacher,
        prompt_sha256=teacher.prompt_sha256,
        backend=backend,
        model=model,
        revision=revision,
        model_note=note,
        seed=seed,
        served_model=served_model,
    )


def make_teacher_folder(folder: Path) -> None:
    """Create the folder if it does not exist; raises `InputError` for a folder with files of another origin."""
    settings = folder / WORK_FOLDER / SETTINGS_FILE
    if folder.is_dir() and not settings.is_file() and any(entry.name != WORK_FOLDER for entry in folder.iterdir()):
        raise InputError(f"{folder}: has files that `generate` did not write; give another --out")
    make_writable_folder(settings.parent)


def check_teacher_folder(folder: Path, settings: GenerationSettings, papers: Sequence[Paper]) -> None:
    """Check that a run with `settings` on `papers` may continue in the folder, and write the settings.

    The caller has the lock of the folder. Raises `InputError` if the folder has pairs of other settings, or pairs of a
    venue and year without papers.
    """
    path = folder / WORK_FOLDER / SETTINGS_FILE
    if path.is_file():
        remedy = "give another --out, rename a changed teacher's file, or move the folder away to generate again"
        found = dict(read_format(GenerationSettings, path, remedy))
        differing = [name for name, value in settings if found[name] != value]
        if differing:
            names = " and ".join(SETTING_NAMES.get(name, name.replace("_", " ")) for name in differing)
            raise InputError(f"{folder}: has pairs that were generated with another {names}; {remedy}")
    gone = sorted({path.name for path in _pairs_files(folder)} - {_pairs_file(paper) for paper in papers})
    if gone:
        raise InputError(
            f"{folder}: has {', '.join(gone)}, but --papers has no paper with an abstract of that venue and year. "
            "Give a --papers folder that has them, too, or another --out"
        )
    write_format(path, settings)


def write_teacher_folder(
    folder: Path, manifest: Manifest, papers: Sequence[Paper], checked: Sequence[CheckedPair]
) -> None:
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
    lines: dict[str, list[str]] = {name: [] for name in (*map(_pairs_file, papers), REJECTED_FILE)}
    for pair in checked:
        texts = {"question": pair.question, "answer": pair.answer} if pair.responses is None else {}
        known = {"paper_id": pair.paper.paper_id, "seed": pair.seed, **texts, **provenance}
        if pair.problem is None:
            lines[_pairs_file(pair.paper)].append(to_json_line(QAPair(**known), exclude_none=True))
        else:
            rejected = RejectedPair(
                reason=pair.problem.reason, detail=pair.problem.detail, responses=pair.responses, **known
            )
            lines[REJECTED_FILE].append(to_json_line(rejected, exclude_none=True))
    # Delete the files of years without a result: the manifest does not count their pairs.
    for path in _pairs_files(folder):
        if path.name not in lines:
            path.unlink()
    for name, lines_of_file in lines.items():
        write_text(folder / name, "".join(lines_of_file))
    write_format(folder / MANIFEST_FILE, manifest)


def _pairs_file(paper: Paper) -> str:
    return f"{paper.venue}_{paper.year}.jsonl"


def _pairs_files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.jsonl") if VENUE_YEAR.fullmatch(path.stem)]
