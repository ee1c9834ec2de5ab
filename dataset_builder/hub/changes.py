"""What a push sends, and what that changes in the repo as it stands."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_builder.files import sha256_of
from dataset_builder.hub.card_merge import merge_card
from dataset_builder.hub.rate_limit import retry_on_rate_limit

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile
    from rich.console import Console

CARD_FILE = "README.md"


@dataclass(frozen=True)
class Push:
    """What is to stand in a repo.

    `files` are contents by path; the `card` is apart, for what a person wrote into the one on the Hub is kept. A file
    of the repo that matches one of `owned` and is not sent is removed: the project wrote it once and no longer does.
    """

    repo_id: str
    repo_type: str
    card: str
    files: dict[str, Path | bytes]
    owned: tuple[str, ...]
    message: str
    space_sdk: str | None = None


@dataclass
class Change:
    """What a push changes: paths to their sizes in bytes, and the card as it then is."""

    card: str
    sent: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pushed:
    """What came of a push, or of a dry run would: the repo's address, the commit that it is at, and the change.

    `is_new` says that there was no repo before, and `has_tag` that `tag` was there already.
    """

    url: str
    commit: str | None
    change: Change
    is_new: bool
    private: bool
    tag: str | None
    has_tag: bool


def planned_change(api: HfApi, what: Push, head: str | None) -> Change:
    """Compare what is to stand there with what stands there at `head`."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.hf_api import RepoFile

    there: dict[str, RepoFile] = {}
    if head is not None:
        tree = retry_on_rate_limit(
            lambda: list(api.list_repo_tree(what.repo_id, recursive=True, revision=head, repo_type=what.repo_type))
        )
        there = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    theirs = None
    if CARD_FILE in there:
        path = retry_on_rate_limit(
            lambda: hf_hub_download(what.repo_id, CARD_FILE, revision=head, repo_type=what.repo_type)
        )
        theirs = Path(path).read_text(encoding="utf-8")
    change = Change(card=merge_card(what.card, theirs))
    for path, content in {**what.files, CARD_FILE: change.card.encode()}.items():
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        same = path in there and _is_same(content, size, there[path])
        (change.unchanged if same else change.sent)[path] = size
    kept = {*what.files, CARD_FILE}
    change.removed = sorted(
        path for path in there.keys() - kept if any(_matches(path, pattern) for pattern in what.owned)
    )
    return change


def _matches(path: str, pattern: str) -> bool:
    """Tell whether a path matches a pattern whose stars stay within a folder's or a file's name."""
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def _is_same(content: Path | bytes, size: int, there: RepoFile) -> bool:
    if size != there.size:
        return False
    if there.lfs:
        sha256 = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256_of(content)
        return sha256 == there.lfs.sha256
    content = content if isinstance(content, bytes) else content.read_bytes()
    return hashlib.sha1(b"blob %d\0" % size + content).hexdigest() == there.blob_id


def print_pushed(console: Console, pushed: Pushed, dry_run: bool) -> None:
    """Print what was sent, removed and left as it is, or would be, and where it stands now."""
    from rich.table import Table

    change = pushed.change
    if dry_run:
        table = Table(title=pushed.url, title_justify="left")
        table.add_column("file", overflow="fold")
        table.add_column("bytes", justify="right")
        table.add_column("would be")
        for word, sizes in (("sent", change.sent), ("left as it is", change.unchanged)):
            for path, size in sorted(sizes.items()):
                table.add_row(path, f"{size:,}", word)
        for path in change.removed:
            table.add_row(path, "", "removed")
        console.print(table)
        seen = "private" if pushed.private else "public"
        console.print(f"The repo would be created, {seen}." if pushed.is_new else f"The repo is there, {seen}.")
        if pushed.tag is not None:
            console.print(f"The tag {pushed.tag} " + ("is there." if pushed.has_tag else "would be set."))
        console.print("Nothing was sent.")
    elif change.sent or change.removed:
        console.print(
            f"Sent {len(change.sent)} files of {sum(change.sent.values()):,} bytes, removed {len(change.removed)}, "
            f"left {len(change.unchanged)} as they are: commit {pushed.commit}",
            soft_wrap=True,
        )
    else:
        console.print(f"Everything is there already, at commit {pushed.commit}", soft_wrap=True)
    console.print(f"On the Hub: {pushed.url}", soft_wrap=True)
