"""Describe a corpus by datasheet sections: from a file that its builder writes, and else from its report."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import yaml
from pydantic import BeforeValidator, Field, StringConstraints

from dataset_builder.errors import InputError
from dataset_builder.formats import FileFormat, Text, parse_format
from dataset_builder.templates import render

if TYPE_CHECKING:
    from dataset_builder.corpus.report import CorpusReport

# The sections of a datasheet, by their keys in a description.
SECTIONS = ("motivation", "composition", "collection", "preprocessing", "uses", "maintenance")
GENERIC = Path(__file__).parent / "templates/about.yaml.j2"
REMEDY = "see dataset_builder/open_corpus/about.yaml for an example"

# YAML reads 2026-11-25 as a date, JSON as a string.
IsoDate = Annotated[
    str,
    BeforeValidator(lambda value: value.isoformat() if isinstance(value, date) else value),
    StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"),
]


Texts = Annotated[list[Text], Field(min_length=1)]


class About(FileFormat):
    """What the people who built a corpus say about it, in Markdown. A generic text replaces each missing key.

    The keys `motivation` to `maintenance` are the sections of a datasheet (Gebru et al., Datasheets for Datasets,
    https://arxiv.org/abs/1803.09010). `own_abstracts` says whether the abstracts were written for the
    corpus and are not the original ones. `creators`, `version` and `date_published` (YYYY-MM-DD) are for the citation
    and have no generic value.
    """

    motivation: Text | None = None
    composition: Text | None = None
    collection: Text | None = None
    preprocessing: Text | None = None
    uses: Text | None = None
    maintenance: Text | None = None
    limitations: Texts | None = None
    biases: Texts | None = None
    personal_information: Text | None = None
    social_impact: Text | None = None
    own_abstracts: bool | None = None
    creators: Texts | None = None
    version: Text | None = None
    date_published: IsoDate | None = None


def read_about(path: Path) -> About:
    """Return the description in the YAML file `path`; raises `InputError` for a file that does not fit."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"--about {path}: cannot be read ({error.strerror}); {REMEDY}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise InputError(f"--about {path}: cannot be read as YAML ({problem}); {REMEDY}") from error
    return parse_format(About, content, f"--about {path}", REMEDY)


def complete_about(report: "CorpusReport", venues: str) -> About:
    """Return the description of a corpus, in which generic texts replace the keys that its builder left out.

    `venues` is a phrase.
    """
    given = report.about.model_dump(exclude_none=True) if report.about else {}
    text = render(GENERIC, report=report, venues=venues, own_abstracts=given.get("own_abstracts", False))
    generic = About.model_validate(yaml.safe_load(text))
    return generic.model_copy(update=given)
