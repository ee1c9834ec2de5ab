"""Which model a folder of pairs records."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_builder.errors import InputError
from dataset_builder.generate.teacher_folder import generation_settings
from dataset_builder.teachers.teacher import Teacher, read_teacher


def teacher_of(model: str) -> Teacher:
    """Return the packaged teacher with another model."""
    return read_teacher("smollm2").model_copy(update={"model": model})


def test_local_model_is_identified_by_its_files(tmp_path: Path) -> None:
    """Tokenizer and chat template decide what it reads."""
    names = ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja")
    for name in names:
        (tmp_path / name).write_text("{}")
    first = generation_settings(teacher_of(str(tmp_path)), "transformers", 0)
    assert (first.model, first.model_note) == (str(tmp_path), None)
    assert generation_settings(teacher_of(str(tmp_path)), "transformers", 1).revision == first.revision
    for name in names:
        (tmp_path / name).write_text("{ }")
        assert generation_settings(teacher_of(str(tmp_path)), "transformers", 0).revision != first.revision
        (tmp_path / name).write_text("{}")


@pytest.mark.parametrize("model", ["org/name", "./nothing"])
def test_model_without_a_revision_must_be_a_folder(model: str) -> None:
    """Nothing is downloaded to find that out; over HTTP nobody loads it."""
    with pytest.raises(InputError, match=f"teacher smollm2: {model} is not a folder.* or give a model on the Hub and"):
        generation_settings(teacher_of(model), "transformers", 0)
    assert generation_settings(teacher_of(model), "http", 0).revision is None


def test_packaged_model_is_identified_by_its_package(tmp_path: Path) -> None:
    """Its source.json names the model on the Hub, and how it differs."""
    (tmp_path / "source.json").write_text('{"hub_id": "org/name", "package": "pack 1.0", "note": "Rounded."}')
    settings = generation_settings(teacher_of(str(tmp_path)), "transformers", 0)
    assert (settings.model, settings.revision, settings.model_note) == ("org/name", "pack 1.0", "Rounded.")


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    """The message names the teacher."""
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"teacher smollm2, model=.*: has no weights"):
        generation_settings(teacher_of(str(tmp_path)), "transformers", 0)
