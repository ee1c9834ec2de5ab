"""A card in two hands: the project's metadata and the part between its markers, and what a person wrote around it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from dataset_builder.errors import InputError

BEGIN = "<!-- isca-qa:begin, written by the project: what stands between these marks is replaced -->"
END = "<!-- isca-qa:end -->"
FRONT_MATTER = re.compile(r"\A---\n(?P<yaml>.*?)^---[ \t]*\n?(?P<body>.*)\Z", re.DOTALL | re.MULTILINE)
PROJECTS_PART = re.compile(rf"<!-- isca-qa:begin.*?{re.escape(END)}", re.DOTALL)
# Every key that a card of the project has or ever had: one that is written no longer goes, any other is a person's.
OWNED_KEYS = frozenset(
    "app_file base_model base_model_relation colorFrom colorTo configs dataset_info datasets emoji language "  # noqa: SIM905
    "library_name license license_link license_name metrics model-index pinned pipeline_tag pretty_name sdk "
    "sdk_version size_categories tags task_categories title".split()
)


def render_card(metadata: dict[str, Any], text: str) -> str:
    """Return the card as the project writes it: metadata, and `text` between the markers."""
    return f"---\n{_yaml(metadata)}---\n\n{BEGIN}\n\n{text.strip()}\n\n{END}\n"


def merge_card(ours: str, theirs: str | None) -> str:
    """Return `ours` with the metadata keys and the text that a person added to `theirs`, the card in the repo.

    Where `theirs` has no markers, its text is all a person's and comes after ours. Merging again changes nothing.
    """
    if theirs is None:
        return ours
    found = FRONT_MATTER.match(theirs.replace("\r\n", "\n"))
    kept = _metadata_of(found["yaml"]) if found else {}
    body = found["body"] if found else theirs
    metadata = yaml.safe_load(FRONT_MATTER.match(ours)["yaml"])
    metadata |= {key: value for key, value in kept.items() if key not in OWNED_KEYS}
    part = PROJECTS_PART.search(ours)[0]
    if PROJECTS_PART.search(body):
        body = PROJECTS_PART.sub(lambda _: part, body, count=1)
    else:
        body = f"{part}\n\n{body.strip()}" if body.strip() else part
    return f"---\n{_yaml(metadata)}---\n\n{body.strip()}\n"


def _metadata_of(front_matter: str) -> dict[str, Any]:
    """Return the metadata that a person may have edited."""
    try:
        metadata = yaml.safe_load(front_matter) or {}
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
    else:
        if isinstance(metadata, dict):
            return metadata
        problem = f"it is a {type(metadata).__name__}, not keys and values"
    raise InputError(
        f"README.md, as it is in the repo: what stands between its first two lines of --- cannot be read as metadata "
        f"({problem}); correct it on the Hub, then run the same command again"
    )


def _yaml(metadata: dict[str, Any]) -> str:
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=1_000_000)
