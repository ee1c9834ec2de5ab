"""Read the ids of repos on the Hub, with or without a revision."""

import re
from pathlib import Path

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def is_hub_id(given: str) -> bool:
    """Return whether `given`, which is not a folder, can be a repo of the Hub, and is not a mistyped path.

    It is a path if it has not exactly two parts, or if its first part is a folder that exists here.
    """
    return HUB_ID.fullmatch(given) is not None and not Path(given).parent.is_dir()


def name_without_folders(given: str) -> str:
    """Return a Hub id as it is, and of a path its last part."""
    return given if is_hub_id(given) else Path(given).name or given


def split_revision(given: str) -> tuple[str, str | None]:
    """Return the Hub id and the revision (a commit, tag or branch) of ORG/NAME@REVISION.

    The revision is None for a Hub id without one, and for a folder, whatever its name is.
    """
    if Path(given).is_dir():
        return given, None
    hub_id, _, revision = given.partition("@")
    return hub_id, revision or None
