"""Read and write the project's files through their pydantic models."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from dataset_builder.errors import InputError
from dataset_builder.files import read_json, write_text


class FileFormat(BaseModel):
    """Base of every model of a file, or of a part of one: read-only, strictly typed, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Format = TypeVar("Format", bound=FileFormat)
# A text that is not empty; spaces at its ends are removed.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def parse_format(model: type[Format], value: Any, location: str, remedy: str) -> Format:
    """Return `value`, parsed from JSON or YAML, as `model`.

    Raises `InputError` for a value that does not fit. The message names `location` (a file, or FILE:LINE), the
    first wrong key and its value, and ends with `remedy`.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InputError(f"{location}: {_problem(error, model)}; {remedy}") from error


def read_format(model: type[Format], path: Path, remedy: str) -> Format:
    """Return the JSON file `path` as `model`; raises `InputError` for a file that cannot be read or does not fit."""
    return parse_format(model, read_json(path, remedy), str(path), f"it may be of an older version: {remedy}")


def read_records(model: type[Format], path: Path, remedy: str) -> Iterator[tuple[str, Format]]:
    """Yield each record of a JSON Lines file with its location, "FILE:LINE"; blank lines are skipped.

    Raises `InputError`, which ends with `remedy`, at the first line that does not fit `model`.
    """
    # Once, not for each line: `datasets` replaces the paths of a builder by slower ones.
    name = str(path)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                location = f"{name}:{number}"
                if line.strip():
                    try:
                        # Some editors begin a file with a byte order mark.
                        record = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                    except (ValueError, RecursionError) as error:
                        raise InputError(f"{location}: not a JSON line ({error}); {remedy}") from error
                    yield location, parse_format(model, record, location, remedy)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def to_json(value: FileFormat) -> str:
    """Return `value` as the text of a JSON file, with two spaces of indentation and a final newline."""
    return json.dumps(value.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def to_json_line(value: FileFormat, *, exclude_none: bool = False) -> str:
    """Return `value` as one line of a JSON Lines file; `exclude_none` leaves out the keys that are null."""
    return json.dumps(value.model_dump(mode="json", exclude_none=exclude_none), ensure_ascii=False) + "\n"


def write_format(path: Path, value: FileFormat) -> None:
    """Write `value` to `path` as indented JSON, completely or not at all."""
    write_text(path, to_json(value))


def _problem(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first problem of a validation error as one clause, with the nearest key for an unknown one."""
    errors = error.errors(include_url=False)
    # A misspelt key is reported as missing, too: name the key that is in the file.
    first = next((problem for problem in errors if problem["type"] == "extra_forbidden"), errors[0])
    key = ".".join(map(str, first["loc"]))
    match first["type"]:
        case "missing":
            return f"has no {key!r}"
        case "extra_forbidden":
            near = difflib.get_close_matches(str(first["loc"][-1]), _keys(model, first["loc"][:-1]), n=1)
            return f"unknown key {key!r}" + (f", the nearest is {near[0]!r}" if near else "")
        case "model_type" | "dict_type":
            return f"{key or 'the content'} is {_shown(first['input'])}, not a mapping of keys to values"
        case _:
            message = first["msg"].removeprefix("Value error, ")
            return f"{key + ' is ' if key else ''}{_shown(first['input'])}: {message[0].lower()}{message[1:]}"


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """Return the keys of `model`, or of the model nested in it at `path`."""
    for step in path:
        field = model.model_fields.get(str(step))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
