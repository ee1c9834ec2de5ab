"""Compare the content of a push with the repo, and print the difference."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of
from dataset_builder.formats import FileFormat, read_format, to_json
from dataset_builder.hub.card_merge import merge_card
from dataset_builder.tables import as_table

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

CARD_FILE = "README.md"
PUSHED_FILES_FILE = ".isca-qa-files.json"
# The files that a repo may have before the first push: the Hub creates the first one, and people write a card.
ALLOWED_FILES = frozenset({".gitattributes", CARD_FILE})


class PushedFiles(FileFormat):
    """The list of the files that the last push wrote, in the repo: only these may be removed by the next push."""

    files: list[str]


@dataclass(frozen=True)
class Push:
    """The content of a push.

    `files` are contents by path. `card` is separate, since the push keeps what people wrote into the card on the Hub.
    A push removes the files that the last push wrote and that are not in `files`.
    """

    repo_id: str
    repo_type: str
    card: str
    files: dict[str, Path | bytes]
    message: str
    space_sdk: str | None = None


@dataclass(frozen=True)
class Change:
    """The difference that a push makes: paths with their sizes in bytes, and all contents with the merged card."""

    files: dict[str, Path | bytes]
    sent: dict[str, int]
    removed: list[str]

    @property
    def is_empty(self) -> bool:
        """Return whether the repo already has the content of the push."""
        return not (self.sent or self.removed)


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
    """Compare the content of a push with the repo at the commit `head`, or with an empty repo if it is None.

    Raises `InputError` for a repo with files of another origin.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.hf_api import RepoFile

    repo_id, repo_type = content.repo_id, content.repo_type
    published: dict[str, RepoFile] = {}
    if head is not None:
        tree = api.list_repo_tree(repo_id, recursive=True, revision=head, repo_type=repo_type)
        published = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}

    def download(name: str) -> Path:
        return Path(hf_hub_download(repo_id, name, revision=head, repo_type=repo_type))

    published_card = download(CARD_FILE).read_text(encoding="utf-8") if CARD_FILE in published else None
    last_push: list[str] = []
    if PUSHED_FILES_FILE in published:
        last_push = read_format(
            PushedFiles, download(PUSHED_FILES_FILE), "remove it from the repo, and push again"
        ).files
    elif foreign := published.keys() - ALLOWED_FILES:
        problem = f"the repo has files that this project did not push, such as {min(foreign)}"
        raise InputError(f"{repo_type} {repo_id}: {problem}; choose a new name")
    card = merge_card(content.card, published_card)
    files: dict[str, Path | bytes] = {**content.files, CARD_FILE: card.encode()}
    files[PUSHED_FILES_FILE] = to_json(PushedFiles(files=sorted(files))).encode()
    unchanged = {path for path in files.keys() & published.keys() if _is_same(files[path], published[path])}
    return Change(
        files=files,
        sent={path: file_size(file) for path, file in files.items() if path not in unchanged},
        removed=sorted(published.keys() & set(last_push) - files.keys()),
    )


def file_size(content: Path | bytes) -> int:
    """Return the size in bytes of a file, given by its path or its content."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


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
    """Print what the push sent and removed, or would, and the URL of the repo."""
    console, change = Console(), pushed.change
    if dry_run:
        rows = [[path, f"{size:,}", "send"] for path, size in sorted(change.sent.items())]
        rows += [[path, "", "remove"] for path in change.removed]
        console.print(as_table(["file", "bytes", "action"], rows, pushed.url))
        state = "does not exist and would be created" if pushed.is_new else "exists"
        console.print(f"The repo {state} ({'private' if pushed.private else 'public'}).")
        if pushed.tag is not None:
            console.print(f"The tag {pushed.tag} " + ("exists." if pushed.has_tag else "would be created."))
        console.print("Nothing was sent.")
    elif not change.is_empty:
        sent = f"{len(change.sent)} files of {sum(change.sent.values()):,} bytes, removed {len(change.removed)}"
        console.print(f"Sent {sent}: commit {pushed.commit}", soft_wrap=True)
    else:
        console.print(f"Everything is there already, at commit {pushed.commit}", soft_wrap=True)
    console.print(f"On the Hub: {pushed.url}", soft_wrap=True)
