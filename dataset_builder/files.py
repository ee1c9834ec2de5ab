"""Write files completely or not at all: under a temporary name that is then renamed."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dataset_builder.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; if the block ends without an error, rename it to `path`.

    The temporary name is fixed, so that a killed run leaves at most one file and the next run overwrites it. It has
    the suffix of `path`, since writers such as matplotlib take the format from it.
    """
    temporary = path.with_name(f".partial.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def exclusive_lock(folder: Path, file: Path | None = None) -> Iterator[None]:
    """Lock `folder` for this process; raises `InputError` if another running process holds the lock.

    The lock on `file` (default: `.lock` in the folder) belongs to the operating system, which releases it when the
    process ends or is killed.
    """
    lock = FileLock(file or folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"{folder}: another command is writing into it; wait, or choose another folder") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replacing_folder(out: Path, find_foreign_files: Callable[[Path], list[Path]]) -> Iterator[Path]:
    """Yield an empty folder beside `out`; if the block ends without an error, replace `out` by it.

    So `out` never holds a mixture of old and new files. Between the two renames a reader finds no `out` for a moment;
    after a kill at that moment, the next call puts the old folder back first. If `out` is a link, its target is
    replaced. Raises `InputError` if `out` is a file, a link to itself or contains the current
    folder, if `find_foreign_files` finds files in it that the project did not write, and if another process is writing
    it.
    """
    out = Path(os.path.realpath(out))
    if out.is_symlink():
        raise InputError(f"{out}: this link leads to itself; remove it, or choose another output folder")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: this is a file; choose another output folder")
    if Path.cwd().is_relative_to(out):
        raise InputError(f"{out}: contains the current folder, so it cannot be replaced; choose a folder inside it")
    _refuse_foreign_files(out, find_foreign_files)
    make_writable_folder(out.parent)
    work, replaced = out.with_name(f".partial.{out.name}"), out.with_name(f".replaced.{out.name}")
    lock = out.with_name(f".lock.{out.name}")
    with exclusive_lock(out, lock):
        try:
            # A run that was killed between the two renames below.
            if replaced.is_dir() and not out.exists():
                os.replace(replaced, out)
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            yield work
            _refuse_foreign_files(out, find_foreign_files)
            shutil.rmtree(replaced, ignore_errors=True)
            if out.exists():
                os.replace(out, replaced)
            os.replace(work, out)
            shutil.rmtree(replaced, ignore_errors=True)
        finally:
            shutil.rmtree(work, ignore_errors=True)
            lock.unlink()


def _refuse_foreign_files(out: Path, find_foreign_files: Callable[[Path], list[Path]]) -> None:
    foreign = find_foreign_files(out) if out.is_dir() else []
    if foreign:
        problem = f"has files that are not of a corpus, such as {foreign[0].relative_to(out)}"
        raise InputError(f"{out}: {problem}; choose an empty or a new output folder")


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path, remedy: str = "make it again") -> Any:
    """Return the JSON value in `path`; raises `InputError` with `remedy` if the file cannot be read or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); {remedy}") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the bytes of `path`, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_text(text: str) -> str:
    """Return the SHA-256 of `text` in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_writable_folder(folder: Path) -> None:
    """Create `folder` if it is missing; raises `InputError` if it is not writable."""
    probe = folder / ".partial.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        # Another process of the same launch may have removed it.
        probe.unlink(missing_ok=True)
    except OSError as error:
        problem = f"cannot be written to ({error.strerror}); make it writable, or choose another folder"
        raise InputError(f"{folder}: {problem}") from error
