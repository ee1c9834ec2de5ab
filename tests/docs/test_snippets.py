"""The Python code in README.md runs as printed, after a run; that of docs/ compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import CURRENT_PAGES, blocks

SNIPPETS = list(blocks(REPOSITORY / "README.md", "python"))


@pytest.mark.parametrize("page", CURRENT_PAGES, ids=lambda page: page.name)
def test_snippets_compile(page: Path) -> None:
    """No snippet has a syntax error."""
    for snippet in blocks(page, "python"):
        compile(snippet, page.name, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("snippet", SNIPPETS, ids=["corpus", "model"])
def test_readme_snippets_run(snippet: str, tmp_path: Path, corpus: Path, packaged_models: Path) -> None:
    """Beside the folders that `make run` writes, the snippet runs and prints a text."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/corpus").symlink_to(corpus)
    (tmp_path / "data/models").symlink_to(packaged_models)
    if "smollm2-lora" in snippet:
        write_adapter(packaged_models / "smollm2", tmp_path / "runs/smollm2-lora")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def write_adapter(base: Path, folder: Path) -> None:
    """Write an untrained LoRA adapter of the base model with its tokenizer, as a training leaves them."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=4, target_modules="all-linear"))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
