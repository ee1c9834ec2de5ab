"""Define the files that `generate` writes beside a teacher's pairs: the manifest and the rejected pairs."""

from pathlib import Path
from typing import Literal

from dataset_builder.corpus.pairs import teacher_folder
from dataset_builder.errors import InputError
from dataset_builder.formats import FileFormat, read_format
from dataset_builder.hub.ids import name_without_folders
from dataset_builder.teachers.teacher import Sampling, Teacher

MANIFEST_FILE = "generation.json"
REJECTED_FILE = "rejected.jsonl"
# In a teacher's folder: the settings and the journal, from which an interrupted run continues.
WORK_FOLDER = ".generate"

BackendName = Literal["transformers", "http"]
# Begins the entry of a server in `made_by`; the server's name of the model follows.
SERVED_AS = "a server, as "


class GenerationSettings(FileFormat):
    """The settings that decide what a teacher writes.

    `backend` runs the model: transformers in this process, or a server over HTTP. `model` is the Hub id or the folder
    of the model, and `revision` its commit, its package's version, or the SHA-256 of its files. `served_model` is the
    model that the server was asked for.
    """

    teacher: Teacher
    prompt_sha256: str
    backend: BackendName
    model: str
    revision: str | None
    model_note: str | None
    seed: int
    served_model: str | None = None


class Checks(FileFormat):
    """The sentence encoder and the similarity threshold of the grounding check."""

    encoder: str
    threshold: float


class GeneratedYear(FileFormat):
    """The papers of one year, and their accepted and rejected pairs."""

    papers: int
    accepted: int
    rejected: int


class Manifest(GenerationSettings):
    """The manifest of a teacher's pairs: how they were generated, and how many passed the checks.

    It holds no times and no number of processes, since they differ between runs that write the same pairs.
    `made_by` says what ran the model, `rejected_pairs` counts pairs by reason, and `rejected_papers` counts by reason
    the papers without a response that can be parsed. `by_year` has the years as keys.
    """

    made_by: list[str]
    checks: Checks
    papers: int
    papers_unanswered: int
    papers_with_pairs: int
    responses: int
    responses_cut_off: int
    tokens: int
    pairs: int
    accepted: int
    rejected_pairs: dict[str, int]
    rejected_papers: dict[str, int]
    by_year: dict[str, GeneratedYear]

    def without_folders(self) -> "Manifest":
        """Return a copy to publish, with the last part of each path in place of the path."""
        made_by = [entry.partition(SERVED_AS) for entry in self.made_by]
        changes = {
            "model": name_without_folders(self.model),
            "served_model": self.served_model and _served_name(self.served_model),
            "teacher": self.teacher.model_copy(update={"model": name_without_folders(self.teacher.model)}),
            "checks": self.checks.model_copy(update={"encoder": name_without_folders(self.checks.encoder)}),
            "made_by": [f"{before}{served}{_served_name(name)}" for before, served, name in made_by],
        }
        return self.model_copy(update=changes)


def _served_name(name: str) -> str:
    """Return what a server calls its model, which may be a path on the server's machine, without folders."""
    return Path(name).name if Path(name).is_absolute() else name


class Response(FileFormat):
    """One raw response of a teacher: its seed, text, finish reason ("stop" or "length") and number of tokens."""

    seed: int
    text: str
    finish_reason: str
    tokens: int


class RejectedPair(FileFormat):
    """One line of rejected.jsonl: a pair with the reason for its rejection, and `detail` as the evidence.

    Where no response on a paper could be parsed, the line is about the paper: `responses` replaces `question`,
    `answer` and `seed`.
    """

    paper_id: str
    teacher: str
    reason: str
    detail: str
    question: str | None = None
    answer: str | None = None
    responses: list[Response] | None = None
    teacher_model: str
    teacher_revision: str | None = None
    prompt_sha256: str
    sampling: Sampling
    seed: int | None = None


def read_manifest(qa_folder: Path, teacher: str) -> Manifest | None:
    """Return the manifest of the pairs of `teacher`, or None for pairs that `generate` did not write.

    Raises `InputError` for an unfinished run, which has no manifest yet, and for a manifest of an older version.
    """
    folder = teacher_folder(qa_folder, teacher)
    if (folder / MANIFEST_FILE).is_file():
        return read_format(Manifest, folder / MANIFEST_FILE, "run `python -m dataset_builder generate` again")
    if (folder / WORK_FOLDER).is_dir():
        raise InputError(f"{folder}: the teacher has not finished its pairs; run the same `generate` command again")
    return None
