"""A teacher: one YAML file that says which model writes the pairs, by which prompt, sampling and limits."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from dataset_builder.corpus.pairs import TEACHER_NAME
from dataset_builder.errors import InputError
from dataset_builder.generate.schema import Limits, least_new_tokens

PACKAGED = Path(__file__).parents[1] / "teachers"
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn: from the smallest set of tokens whose probability is `top_p`, at `temperature`."""

    temperature: float
    top_p: float


@dataclass(frozen=True)
class Teacher:
    """The keys of a teacher's file, and its `name`.

    `model` is a Hub id, with the commit `revision`, or a folder. `license` is that of the output, with `license_link`
    and `license_note` for the card. `prompt` is a Jinja template of `title`, `abstract`, `least` and `most` (pairs).
    """

    name: str
    model: str
    prompt: str
    sampling: Sampling
    limits: Limits
    license: str
    revision: str | None = None
    license_link: str | None = None
    license_note: str | None = None

    @cached_property
    def prompt_sha256(self) -> str:
        """Return the SHA-256 of the template, in hexadecimal."""
        return hashlib.sha256(self.prompt.encode()).hexdigest()

    @cached_property
    def _template(self) -> Any:
        # A template is data that somebody may have sent: in the sandbox it can print text and nothing else.
        return SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False).from_string(self.prompt)

    def request(self, title: str, abstract: str) -> str:
        """Return the prompt on a paper. Braces in title and abstract stand in it as they are."""
        return self._template.render(
            title=title, abstract=abstract, least=self.limits.least_pairs, most=self.limits.most_pairs
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the teacher's keys as JSON holds them."""
        return dataclasses.asdict(self)


def read_teacher(given: str) -> Teacher:
    """Return the packaged teacher of the name `given`, or the one in the YAML file `given`, named after the file.

    Raises `InputError` for an unknown teacher, a key that no teacher has (with the nearest), a missing or unfit value,
    a prompt that does not render, and a token budget that the limits on the texts could exceed.
    """
    path = PACKAGED / f"{given}.yaml" if TEACHER_NAME.fullmatch(given) and "." not in given else Path(given)
    if not path.is_file():
        packaged = sorted(path.stem for path in PACKAGED.glob("*.yaml"))
        near = difflib.get_close_matches(given, packaged, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise InputError(f"--teacher {given}: neither one of {', '.join(packaged)} nor a YAML file{hint}")
    if not TEACHER_NAME.fullmatch(path.stem):
        raise InputError(f"--teacher {given}: {path.stem!r} cannot name a folder and a config; rename the file")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error}); see the files of {PACKAGED.name}/") from error
    values = _values(content, Teacher, str(path), given={"name": path.stem})
    values["sampling"] = Sampling(**_values(values["sampling"], Sampling, f"{path}: sampling"))
    values["limits"] = Limits(**_values(values["limits"], Limits, f"{path}: limits"))
    teacher = Teacher(**values)
    _check(teacher, path)
    return teacher


def _values(content: Any, kind: type, place: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the values of a mapping that has every key that the dataclass `kind` needs, of its type, and no other."""
    given = given or {}
    if not isinstance(content, dict):
        raise InputError(
            f"{place}: is {content!r}; it must be a mapping of keys to values, as in the packaged teachers"
        )
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name not in given}
    for key in content:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else f"; the keys are {', '.join(fields)}"
            raise InputError(f"{place}: {key!r}: no teacher has such a key{hint}")
    for name, field in fields.items():
        if name not in content and field.default is dataclasses.MISSING:
            raise InputError(f"{place}: has no {name!r}, which every teacher needs")
    return given | {name: _value(content[name], fields[name].type, f"{place}: {name}") for name in content}


def _value(value: Any, kind: str, place: str) -> Any:
    if kind in ("Sampling", "Limits"):
        return value
    fits = {
        "str": isinstance(value, str) and value.strip() != "",
        "str | None": value is None or isinstance(value, str),
        "int": isinstance(value, int) and not isinstance(value, bool) and value > 0,
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }[kind]
    if not fits:
        wanted = {"int": "a whole number above 0", "float": "a number"}.get(kind, "a text that is not empty")
        raise InputError(f"{place} is {value!r}; it must be {wanted}")
    return float(value) if kind == "float" else value


def _check(teacher: Teacher, path: Path) -> None:
    if not 0 < teacher.sampling.temperature <= 2:
        raise InputError(f"{path}: temperature is {teacher.sampling.temperature}; it must be above 0 and at most 2")
    if not 0 < teacher.sampling.top_p <= 1:
        raise InputError(f"{path}: top_p is {teacher.sampling.top_p}; it must be above 0 and at most 1")
    limits = teacher.limits
    if limits.least_pairs > limits.most_pairs:
        raise InputError(f"{path}: least_pairs {limits.least_pairs} is more than most_pairs {limits.most_pairs}")
    least = least_new_tokens(limits)
    if limits.new_tokens < least:
        raise InputError(
            f"{path}: new_tokens is {limits.new_tokens}, and {limits.most_pairs} pairs of the longest texts may take "
            f"{least}: the response would be cut off; set new_tokens to {least} or more, or shorten the texts"
        )
    if teacher.revision is not None and not COMMIT.fullmatch(teacher.revision):
        raise InputError(
            f"{path}: revision is {teacher.revision!r}; it must be a commit of 40 hexadecimal digits: a branch moves"
        )
    try:
        rendered = teacher.request("a title", "an abstract {{ title }}")
    except TemplateError as error:
        raise InputError(
            f"{path}: the prompt cannot be rendered ({error}); it may use title, abstract, least and most"
        ) from error
    if "an abstract {{ title }}" not in rendered:
        raise InputError(f"{path}: the prompt does not hold the abstract; put {{{{ abstract }}}} into it")
