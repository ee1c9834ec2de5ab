"""What the loopback Hub holds, on disk: repos with their commits, branch and tags, and file contents by hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass
class Repo:
    """A repo. `head` is the commit of its one branch, main; `tags` are commits by name."""

    kind: str
    id: str
    private: bool
    head: str
    sdk: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class File:
    """A file of a commit: `oid` is the git blob's SHA-1; an LFS file has the SHA-256 of its content."""

    oid: str
    size: int
    sha256: str | None = None


class Store:
    """Repos, commits and contents below `root`; each is a file, so that a restarted server goes on with them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("repos", "commits", "objects"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def repo(self, kind: str, repo_id: str) -> Repo | None:
        """Return the repo, or None."""
        path = self._repo_path(kind, repo_id)
        return Repo(**json.loads(path.read_text())) if path.is_file() else None

    def create(self, kind: str, repo_id: str, private: bool, sdk: str | None) -> Repo:
        """Return a new repo, whose first commit holds .gitattributes as the Hub's does."""
        repo = Repo(kind, repo_id, private, head="", sdk=sdk)
        self.commit(
            repo, {".gitattributes": self.put_blob(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n")}, "init"
        )
        return repo

    def save(self, repo: Repo) -> None:
        """Write the repo."""
        self._repo_path(repo.kind, repo.id).write_text(json.dumps(asdict(repo)))

    def commit(self, repo: Repo, files: dict[str, File], title: str) -> str:
        """Make `files` the content of main, and return the commit."""
        commit = {
            "repo": f"{repo.kind}s/{repo.id}",
            "parent": repo.head,
            "title": title,
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "files": {path: asdict(file) for path, file in sorted(files.items())},
        }
        text = json.dumps(commit)
        repo.head = hashlib.sha1(text.encode()).hexdigest()
        (self.root / "commits" / repo.head).write_text(text)
        self.save(repo)
        return repo.head

    def find(self, repo: Repo, revision: str) -> str | None:
        """Return the commit that a branch, tag or commit id names."""
        if revision in ("main", "HEAD", "refs/heads/main"):
            return repo.head
        if revision in repo.tags:
            return repo.tags[revision]
        path = self.root / "commits" / revision
        known = path.is_file() and json.loads(path.read_text())["repo"] == f"{repo.kind}s/{repo.id}"
        return revision if known else None

    def history(self, repo: Repo) -> list[dict[str, Any]]:
        """Return the commits of main with their ids, the newest first."""
        commits, sha = [], repo.head
        while sha:
            commit = json.loads((self.root / "commits" / sha).read_text())
            commits.append({"id": sha, **commit})
            sha = commit["parent"]
        return commits

    def files(self, sha: str) -> dict[str, File]:
        """Return the files of a commit by path."""
        commit = json.loads((self.root / "commits" / sha).read_text())
        return {path: File(**file) for path, file in commit["files"].items()}

    def put_blob(self, content: bytes) -> File:
        """Keep the content of an ordinary file."""
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        (self.root / "objects" / oid).write_bytes(content)
        return File(oid, len(content))

    def lfs_file(self, sha256: str, size: int) -> File | None:
        """Return an LFS file by the hash of its content, or None when that was not uploaded."""
        if not self.content_path(sha256).is_file():
            return None
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
        return File(hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest(), size, sha256)

    def content_path(self, key: str) -> Path:
        """Return where the content with a SHA-1 (git) or SHA-256 (LFS) lies, whether or not it is there."""
        return self.root / "objects" / key

    def _repo_path(self, kind: str, repo_id: str) -> Path:
        return self.root / "repos" / f"{kind}--{repo_id.replace('/', '--')}.json"
