"""Merge the generated and the hand-written sections of a card.

The project writes its metadata keys and the text between two markers. Everything else in the card belongs to people.
"""

import re
from typing import Any

import yaml

from dataset_builder.errors import InputError

BEGIN = "<!-- isca-qa:begin. The next push replaces the text between these two markers. -->"
END = "<!-- isca-qa:end -->"
FRONT_MATTER = re.compile(r"\A---\n(?P<yaml>.*?)^---[ \t]*\n?(?P<body>.*)\Z", re.DOTALL | re.MULTILINE)
GENERATED_SECTION = re.compile(rf"<!-- isca-qa:begin.*?{re.escape(END)}", re.DOTALL)
# Every metadata key that the project writes or once wrote: a push removes those that it no longer writes. Other keys
# belong to people.
OWNED_KEYS = frozenset(
    "app_file base_model base_model_relation colorFrom colorTo configs dataset_info datasets emoji language "  # noqa: SIM905
    "library_name license license_link license_name metrics model-index models pinned pipeline_tag pretty_name "
    "python_version sdk sdk_version short_description size_categories tags task_categories title".split()
)


def render_card(metadata: dict[str, Any], text: str) -> str:
    """Return a generated card: the metadata, and `text` between the markers."""
    return f"---\n{_yaml(metadata)}---\n\n{BEGIN}\n\n{text.strip()}\n\n{END}\n"


def merge_card(generated: str, published: str | None) -> str:
    """Return `generated` with the metadata keys and the text that people added to `published`, the repo's card.

    If `published` has no markers, all its text is hand-written and follows the generated section. Merging a second
    time changes nothing. Raises `InputError` for a section without its end marker and for metadata that cannot be
    read.
    """
    if published is None:
        return generated
    match = FRONT_MATTER.match(published.replace("\r\n", "\n"))
    hand_written = _parse_metadata(match["yaml"]) if match else {}
    body = match["body"] if match else published
    front_matter, section = FRONT_MATTER.match(generated), GENERATED_SECTION.search(generated)
    if front_matter is None or section is None:
        raise ValueError("the generated card has no metadata or no markers; make it with render_card")
    if "<!-- isca-qa:begin" in GENERATED_SECTION.sub("", body):
        raise InputError(
            f"README.md in the repo: the line {END!r} is missing at the end of the generated section; put it back on "
            "the Hub, or delete the old section there, then run the same command again"
        )
    metadata = yaml.safe_load(front_matter["yaml"])
    metadata |= {key: value for key, value in hand_written.items() if key not in OWNED_KEYS}
    if GENERATED_SECTION.search(body):
        body = GENERATED_SECTION.sub(lambda _: section[0], body, count=1)
    else:
        body = f"{section[0]}\n\n{body.strip()}"
    return f"---\n{_yaml(metadata)}---\n\n{body.strip()}\n"


def _parse_metadata(front_matter: str) -> dict[str, Any]:
    """Return the metadata of the published card, which people may have edited."""
    try:
        metadata = yaml.safe_load(front_matter) or {}
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
    else:
        if isinstance(metadata, dict):
            return metadata
        problem = f"it is a {type(metadata).__name__}, not keys and values"
    raise InputError(
        f"README.md in the repo: the metadata between its first two lines of --- cannot be read ({problem}); correct "
        "it on the Hub, then run the same command again"
    )


def _yaml(metadata: dict[str, Any]) -> str:
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=1_000_000)
