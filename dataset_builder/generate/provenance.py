"""What a teacher's model is called and pinned by, apart from where it is loaded from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.files import read_json, sha256_of
from dataset_builder.teachers.teacher import Teacher
from dataset_builder.packaged_models import SOURCE_FILE


def model_source(teacher: Teacher, over_http: bool) -> dict[str, str | None]:
    """Return `model`, `revision` and `model_note` of a teacher.

    Of a model on the Hub these are its id and commit; of a folder what its source.json says, else its path and the
    SHA-256 over its weights. Over HTTP they are what the teacher's file asks for, and the note says so. Raises
    `InputError` for a folder that is not there, and a Hub id without its commit.
    """
    folder = Path(teacher.model)
    unconfirmed = "Served over HTTP: the server was not asked which revision it ran."
    if teacher.revision:
        return {
            "model": teacher.model,
            "revision": teacher.revision,
            "model_note": unconfirmed if over_http else None,
        }
    if (folder / SOURCE_FILE).is_file():
        source = read_json(folder / SOURCE_FILE)
        note = f"{source['note']} {unconfirmed}" if over_http else source["note"]
        return {"model": source["hub_id"], "revision": source["package"], "model_note": note}
    if over_http:
        return {"model": teacher.model, "revision": None, "model_note": unconfirmed}
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InputError(
            f"teacher {teacher.name}: {teacher.model} is no folder with weights (*.safetensors). Write the packaged "
            "models with `python -m dataset_builder models --out data/models`, or name a model on the Hub with the "
            "commit as its revision"
        )
    digests = "\n".join(f"{path.name} {sha256_of(path)}" for path in weights)
    return {
        "model": teacher.model,
        "revision": f"sha256:{hashlib.sha256(digests.encode()).hexdigest()}",
        "model_note": None,
    }
