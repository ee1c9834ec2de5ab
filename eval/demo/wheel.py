"""Build the project's wheel from its repository, and list the pinned packages that the page needs."""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dataset_builder.errors import InputError

REPOSITORY = Path(__file__).parents[2]
# What a wheel is made of, besides the packages: the settings, and the two texts that they name.
PACKAGES = ("dataset_builder", "eval", "training", "model_cards")
BUILD_FILES = ("pyproject.toml", "README.md", "LICENSE")
CONSTRAINTS_FILE = "constraints.txt"
# The earliest time in a zip file. With the times of the files, the same code would give another wheel each time.
EPOCH = "315532800"


@cache
def build_wheel() -> tuple[str, bytes]:
    """Build the wheel without a network, and return its file name and its content.

    The same code gives the same wheel, byte for byte. It is built once in a process.
    Raises `InputError` if this code is not in its repository, or if setuptools cannot build it.
    """
    _check_repository()
    with tempfile.TemporaryDirectory() as copy, tempfile.TemporaryDirectory() as out:
        # In the repository, setuptools would leave folders, and put files of an earlier build into the wheel.
        for package in PACKAGES:
            shutil.copytree(REPOSITORY / package, Path(copy, package), ignore=shutil.ignore_patterns("__pycache__"))
        for name in BUILD_FILES:
            shutil.copy(REPOSITORY / name, copy)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            out,
            copy,
        ]
        environment = os.environ | {"SOURCE_DATE_EPOCH": EPOCH}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        wheels = list(Path(out).glob("isca_qa-*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise InputError(f"the wheel cannot be built ({' '.join(last)}); install setuptools 77 or newer, and pip")
        return wheels[0].name, wheels[0].read_bytes()


def pinned_requirements() -> list[str]:
    """Return the lines of constraints.txt for the packages that the page needs, directly or through others.

    Raises `InputError` if this code is not in its repository.
    """
    _check_repository()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [Requirement(line) for line in [*project["dependencies"], *project["optional-dependencies"]["demo"]]]
    needed: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {known for package, known in needed if package == name}:
            needed.add((name, extra))
            waiting += _dependencies(name, extra)
    lines = (REPOSITORY / CONSTRAINTS_FILE).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if (canonicalize_name(line.partition("==")[0]), "") in needed]


def _dependencies(name: str, extra: str) -> list[Requirement]:
    try:
        found = [Requirement(line) for line in requires(name) or []]
    except PackageNotFoundError:  # for another system
        return []
    return [one for one in found if one.marker is None or one.marker.evaluate({"extra": extra})]


def _check_repository() -> None:
    if not (REPOSITORY / CONSTRAINTS_FILE).is_file():
        raise InputError(f"{REPOSITORY}: is not the repository of the project, which a Space is made from; clone it")
