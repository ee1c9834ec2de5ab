"""Run notebooks as a reader does: on a kernel of their own, without the project's code, token or cache."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.hub.running import RunningHub

# Cells with this tag install packages, for which the tests have no network. The tests have the packages already.
INSTALL_TAG = "install"


def run_notebook(notebook: nbformat.NotebookNode, hub: RunningHub, folder: Path, **variables: str) -> str:
    """Run all cells but those with the tag `install` in `folder`, and return what they print and display as text.

    HF_HOME is an empty folder, and the Hub is on loopback. `variables` are added to the environment. A cell that fails
    raises `CellExecutionError`, which shows the cell and its traceback. `notebook` receives the outputs.
    """
    home = folder / "home"
    home.mkdir()
    folders = {"HOME": str(home), "IPYTHONDIR": str(home / "ipython")}
    environment = hub.environment(home / "huggingface", token=None) | folders | variables
    NotebookClient(
        notebook,
        timeout=280,
        kernel_name="python3",
        skip_cells_with_tag=INSTALL_TAG,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute(env=environment)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
