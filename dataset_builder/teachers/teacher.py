"""Read a teacher's YAML file: which model writes the pairs, with which prompt, sampling and limits."""

import difflib
import json
import re
from functools import cached_property
from pathlib import Path

import yaml
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import Field, PositiveInt, ValidationInfo, field_validator

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.formats import FileFormat, Text, parse_format

PACKAGED = Path(__file__).parent
# A teacher's name is the name of a folder and, on the Hub, of a config.
TEACHER_NAME = re.compile(r"\w[\w.-]*")
NAME_RULE = "a name has letters, digits, '_', '-' and '.', no space, and does not begin with '-' or '.'"
COMMIT = re.compile(r"[0-9a-f]{40}")
REMEDY = "see the packaged teachers in dataset_builder/teachers/"


class Sampling(FileFormat):
    """Sampling of a token: from the smallest set of tokens with a total probability of `top_p`, at `temperature`."""

    temperature: float = Field(gt=0, le=2)
    top_p: float = Field(gt=0, le=1)


class Limits(FileFormat):
    """Limits of a response: its number of pairs, and the characters of their texts.

    `new_tokens` is the token budget of one response. `attempts` is the largest number of responses that a paper gets
    until one can be parsed.
    """

    least_pairs: PositiveInt
    most_pairs: PositiveInt
    question_characters: PositiveInt
    answer_characters: PositiveInt
    new_tokens: PositiveInt
    attempts: PositiveInt

    @field_validator("most_pairs")
    @classmethod
    def _check_most_pairs(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("least_pairs", 0):
            raise ValueError(f"must be at least least_pairs, which is {info.data['least_pairs']}")
        return value

    @field_validator("new_tokens")
    @classmethod
    def _check_new_tokens(cls, value: int, info: ValidationInfo) -> int:
        # A wrong value is missing here, and is reported before this one.
        lengths = (info.data.get(name, 0) for name in ("most_pairs", "question_characters", "answer_characters"))
        needed = longest_response_tokens(*lengths)
        if value < needed:
            raise ValueError(f"the longest response may take {needed} tokens; set it to {needed} or more")
        return value


def longest_response_tokens(most_pairs: int, question_characters: int, answer_characters: int) -> int:
    """Return the largest number of tokens that a response can take under the grammar, the end token included.

    Under the grammar a token has at least one character (see `generate/backends/constrained.py`), and a character of
    an answer takes at most two: a quotation mark is escaped.
    """
    empty = json.dumps([{"question": "", "answer": ""}] * most_pairs, separators=(",", ":"))
    return len(empty) + most_pairs * (question_characters + 2 * answer_characters) + 1


class TeacherFile(FileFormat):
    """The keys of a teacher's YAML file.

    `model` is a Hub id, with the commit as its `revision`, or a folder. `license` is the licence of the teacher's
    output; the card shows it with `license_link` and `license_note`. `prompt` is a Jinja template of `title`,
    `abstract`, `least` and `most` (numbers of pairs).
    """

    model: Text
    prompt: str
    sampling: Sampling
    limits: Limits
    license: Text
    revision: str | None = None
    license_link: str | None = None
    license_note: str | None = None

    @field_validator("revision")
    @classmethod
    def _check_revision(cls, revision: str | None) -> str | None:
        if revision is not None and not COMMIT.fullmatch(revision):
            raise ValueError("it must be a commit of 40 hexadecimal digits, since a branch moves")
        return revision

    @field_validator("prompt")
    @classmethod
    def _check_prompt(cls, prompt: str) -> str:
        try:
            rendered = _compile(prompt).render(title="a title", abstract="an abstract {{ title }}", least=2, most=3)
        except TemplateError as error:
            raise ValueError(f"the prompt cannot be rendered ({error}); use title, abstract, least, most") from error
        if "an abstract {{ title }}" not in rendered:
            raise ValueError("the prompt does not contain the abstract; add {{ abstract }}")
        return prompt


class Teacher(TeacherFile):
    """A teacher: the keys of its file, and its `name`, which is the name of the file."""

    name: str

    @cached_property
    def prompt_sha256(self) -> str:
        """Return the SHA-256 of the prompt template, in hexadecimal."""
        return sha256_of_text(self.prompt)

    @cached_property
    def _template(self) -> Template:
        return _compile(self.prompt)

    def render_prompt(self, title: str, abstract: str) -> str:
        """Return the prompt on one paper. Braces in `title` and `abstract` are not interpreted."""
        least, most = self.limits.least_pairs, self.limits.most_pairs
        return self._template.render(title=title, abstract=abstract, least=least, most=most)


def _compile(prompt: str) -> Template:
    # The file may come from somebody else: in the sandbox a template can print text and do nothing else.
    return SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False).from_string(prompt)


def read_teacher(name_or_file: str) -> Teacher:
    """Return the packaged teacher with this name, or the teacher in this YAML file, named after the file.

    Raises `InputError` for an unknown teacher, an unknown key (with the nearest key), a missing or wrong value, a
    prompt that cannot be rendered, and a token budget that the longest response could exceed.
    """
    is_name = TEACHER_NAME.fullmatch(name_or_file) and "." not in name_or_file
    path = PACKAGED / f"{name_or_file}.yaml" if is_name else Path(name_or_file)
    if not path.is_file():
        packaged = sorted(path.stem for path in PACKAGED.glob("*.yaml"))
        near = difflib.get_close_matches(name_or_file, packaged, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise InputError(f"--teacher {name_or_file}: neither one of {', '.join(packaged)} nor a YAML file{hint}")
    if not TEACHER_NAME.fullmatch(path.stem):
        raise InputError(f"--teacher {name_or_file}: rename the file; {NAME_RULE}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error}); {REMEDY}") from error
    keys = parse_format(TeacherFile, content, str(path), REMEDY)
    return Teacher(name=path.stem, **dict(keys))
