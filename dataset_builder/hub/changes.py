"""Compare the content of a push with the repo, and print the difference."""

import hashlib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from dataset_builder.files import sha256_of
from dataset_builder.hub.card_merge import merge_card
from dataset_builder.hub.rate_limit import retry_on_rate_limit
from dataset_builder.tables import as_table

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

CARD_FILE = "README.md"


@dataclass(frozen=True)
class Push:
    """The content of a push.

    `files` are contents by path. `card` is separate, since the push keeps what people wrote into the card on the Hub.
    A push removes the files of the repo that match a pattern of `owned` and are not in `files`: the project wrote
    them once and no longer does.
    """

    repo_id: str
    repo_type: str
    card: str
    files: dict[str, Path | bytes]
    owned: tuple[str, ...]
    message: str
    space_sdk: str | None = None


@dataclass(frozen=True)
class Change:
    """The difference that a push makes: paths with their sizes in bytes, and the merged card."""

    card: str
    sent: dict[str, int]
    unchanged: dict[str, int]
    removed: list[str]


@dataclass(frozen=True)
class Pushed:
    """The result of a push or a dry run: the URL of the repo, its newest commit, and the change.

    `is_new` is True if the repo did not exist before, and `has_tag` if `tag` did.
    """

    url: str
    commit: str | None
    change: Change
    is_new: bool
    private: bool
    tag: str | None
    has_tag: bool


def plan_change(api: "HfApi", content: Push, head: str | None) -> Change:
    """Compare the content of a push with the repo at the commit `head`, or with an empty repo if it is None."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.hf_api import RepoFile

    repo_id, repo_type = content.repo_id, content.repo_type
    published: dict[str, RepoFile] = {}
    if head is not None:
        tree = retry_on_rate_limit(
            lambda: list(api.list_repo_tree(repo_id, recursive=True, revision=head, repo_type=repo_type))
        )
        published = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    published_card = None
    if CARD_FILE in published:
        path = retry_on_rate_limit(lambda: hf_hub_download(repo_id, CARD_FILE, revision=head, repo_type=repo_type))
        published_card = Path(path).read_text(encoding="utf-8")
    card = merge_card(content.card, published_card)
    files: dict[str, Path | bytes] = {**content.files, CARD_FILE: card.encode()}
    sizes = {path: file_size(file) for path, file in files.items()}
    unchanged = {path for path in files.keys() & published.keys() if _is_same(files[path], published[path])}
    no_longer_written = published.keys() - files.keys()
    return Change(
        card=card,
        sent={path: size for path, size in sizes.items() if path not in unchanged},
        unchanged={path: size for path, size in sizes.items() if path in unchanged},
        removed=sorted(path for path in no_longer_written if any(_matches(path, name) for name in content.owned)),
    )


def file_size(content: Path | bytes) -> int:
    """Return the size in bytes of a file, given by its path or its content."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _matches(path: str, pattern: str) -> bool:
    """Return whether a path matches a pattern; a star matches within one folder or file name only."""
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def _is_same(content: Path | bytes, published: "RepoFile") -> bool:
    size = file_size(content)
    if size != published.size:
        return False
    if published.lfs:
        sha256 = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256_of(content)
        return sha256 == published.lfs.sha256
    content = content if isinstance(content, bytes) else content.read_bytes()
    return hashlib.sha1(b"blob %d\0" % size + content).hexdigest() == published.blob_id


def print_pushed(pushed: Pushed, dry_run: bool) -> None:
    """Print what the push sent, removed and left unchanged, or would, and the URL of the repo."""
    console, change = Console(), pushed.change
    if dry_run:
        _print_dry_run(console, pushed)
    elif change.sent or change.removed:
        sent = f"{len(change.sent)} files of {sum(change.sent.values()):,} bytes, removed {len(change.removed)}"
        unchanged = f"left {len(change.unchanged)} unchanged: commit {pushed.commit}"
        console.print(f"Sent {sent}, {unchanged}", soft_wrap=True)
    else:
        console.print(f"Everything is there already, at commit {pushed.commit}", soft_wrap=True)
    console.print(f"On the Hub: {pushed.url}", soft_wrap=True)


def _print_dry_run(console: Console, pushed: Pushed) -> None:
    rows = [
        [path, f"{size:,}", action]
        for action, sizes in (("send", pushed.change.sent), ("leave unchanged", pushed.change.unchanged))
        for path, size in sorted(sizes.items())
    ]
    rows += [[path, "", "remove"] for path in pushed.change.removed]
    console.print(as_table(["file", "bytes", "action"], rows, pushed.url))
    visibility = "private" if pushed.private else "public"
    state = "does not exist and would be created" if pushed.is_new else "exists"
    console.print(f"The repo {state} ({visibility}).")
    if pushed.tag is not None:
        console.print(f"The tag {pushed.tag} " + ("exists." if pushed.has_tag else "would be created."))
    console.print("Nothing was sent.")
