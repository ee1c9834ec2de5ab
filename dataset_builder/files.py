"""Files that are either whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dataset_builder.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends without an error, rename it to `path`.

    The temporary name is fixed, so that a killed run leaves one file at most and the next run overwrites it. It keeps
    the suffix of `path`, from which writers such as matplotlib take the format.
    """
    temporary = path.with_name(f".partial.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except Exception:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; raises `InputError` when another one, still alive, holds it.

    The lock is the operating system's, on the file `.lock`: it ends with the process, however that ends.
    """
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"{folder}: another command is writing into it; wait for it or choose another folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replacing_folder(out: Path, marker: str) -> Iterator[Path]:
    """Yield an empty folder beside `out`; when the block ends without an error, it takes the place of `out`.

    So `out` is never half the old and half the new. Raises `InputError` where `out` is a file, or holds files but not
    the one named `marker`, which says that the project made it.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; choose another output folder")
    if out.is_dir() and any(out.iterdir()) and not (out / marker).is_file():
        raise InputError(f"{out}: holds files that are no corpus; choose an empty or a new output folder")
    make_writable_folder(out.parent)
    work, replaced = out.with_name(f".partial.{out.name}"), out.with_name(f".replaced.{out.name}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        yield work
        shutil.rmtree(replaced, ignore_errors=True)
        if out.exists():
            os.replace(out, replaced)
        os.replace(work, out)
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`; raises `InputError` when the file cannot be read or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); make it again") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the bytes of `path`, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_text(text: str) -> str:
    """Return the SHA-256 of `text` in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_writable_folder(folder: Path) -> None:
    """Create `folder` where it is missing; raises `InputError` when nothing can be written there."""
    probe = folder / ".partial.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror}); choose another output folder") from error
