"""A model's answers on disk, by prompt: kept as they come, so that no answer is made twice."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from dataset_builder.files import write_text
from dataset_builder.prompt import MAX_ANSWER_TOKENS, build_prompt


def prompt_key(row: dict[str, Any]) -> str:
    """Return the SHA-256 of what decides the answer to a row, beside the model: its prompt and the answer's length."""
    prompt = build_prompt(row["instruction"], row["context"], row["question"])
    return hashlib.sha256(f"{MAX_ANSWER_TOKENS}\n{prompt}".encode()).hexdigest()


class AnswerStore:
    """`answers`, by `prompt_key`, of the model `name` whose files have the `fingerprint`.

    They lie in `folder`/NAME.jsonl, an answer a line under a header that names the model. Each process adds to a
    file of its own, and the first of them joins the files at the end. Lines that a kill cut off count for nothing, and
    so do answers of another model under the same name.
    """

    def __init__(self, folder: Path, name: str, fingerprint: str, process: int = 0) -> None:
        self.path = folder / f"{name}.jsonl"
        self._header = json.dumps({"model": fingerprint})
        self._own = folder / f".partial.{name}.{process}.jsonl"
        self.answers: dict[str, str] = {}
        self._begun = False
        self._read()

    def append(self, answers: dict[str, str]) -> None:
        """Add answers, on disk before this returns."""
        self.answers.update(answers)
        # The line break comes first: it ends a line that a kill cut off.
        lines = "".join(f"\n{json.dumps(pair, ensure_ascii=False)}" for pair in answers.items())
        with self._own.open("a" if self._begun else "w", encoding="utf-8") as file:
            file.write(lines if self._begun else self._header + lines)
        self._begun = True

    def join(self) -> None:
        """Put the answers of all processes into the one file; what a kill left of other models' is removed."""
        self._read()
        lines = [self._header, *(json.dumps(pair, ensure_ascii=False) for pair in sorted(self.answers.items()))]
        write_text(self.path, "\n".join(lines) + "\n")
        for partial in self._partials():
            partial.unlink()

    def _read(self) -> None:
        for path in [*([self.path] if self.path.is_file() else []), *self._partials()]:
            header, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            if header == self._header:
                for line in lines:
                    with suppress(json.JSONDecodeError):  # cut off
                        key, answer = json.loads(line)
                        self.answers[key] = answer
                self._begun |= path == self._own

    def _partials(self) -> list[Path]:
        return sorted(self.path.parent.glob(f".partial.{self.path.stem}.*.jsonl"))
