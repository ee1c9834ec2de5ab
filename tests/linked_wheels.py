"""Write the wheel of the project, and wheels that stand for the installed packages, for uv without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_linked_wheels(folder: Path) -> None:
    """Write one wheel for each installed package into `folder`, a few kilobytes each.

    A wheel has the metadata of its package, and a .pth file that adds the folder of the installed packages to the
    import path. An editable install of this project is not importable from there.
    """
    folder.mkdir()
    installed = sysconfig.get_path("purelib")
    for package in distributions(path=[installed]):
        name = re.sub(r"[-_.]+", "_", package.metadata["Name"])
        info = f"{name}-{package.version}.dist-info"
        files = {
            f"{name}.pth": f"{installed}\n",
            f"{info}/METADATA": package.read_text("METADATA") or "",
            f"{info}/WHEEL": WHEEL,
        }
        files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
        with zipfile.ZipFile(folder / f"{name}-{package.version}-py3-none-any.whl", "w") as wheel:
            for path, text in files.items():
                wheel.writestr(path, text)


def write_project_wheel(folder: Path) -> None:
    """Build the wheel of the project into `folder`."""
    with tempfile.TemporaryDirectory() as copy:
        # In the repository, setuptools would leave folders.
        for package in ("dataset_builder", "eval", "training", "model_cards"):
            shutil.copytree(REPOSITORY / package, Path(copy, package), ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, copy)
        options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, copy)
        subprocess.run([sys.executable, "-m", "pip", "wheel", *map(str, options)], check=True)
