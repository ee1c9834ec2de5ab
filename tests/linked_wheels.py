"""Write wheels that stand for the installed packages, so that uv can resolve and install them without a network."""

from __future__ import annotations

import re
import sysconfig
import zipfile
from importlib.metadata import distributions
from pathlib import Path

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
