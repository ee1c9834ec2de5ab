"""Write docs/formats.md and docs/schemas/ from the pydantic models of the project's files.

python -m docs.generate_formats
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder.errors import exit_on_input_error
from dataset_builder.files import write_text
from dataset_builder.formats import FileFormat
from docs.results import REPOSITORY

DOCS = REPOSITORY / "docs"
INTRODUCTION = """# File formats

<!-- Written by `python -m docs.generate_formats`. Do not edit this page; edit the models' docstrings. -->

Each file below has one pydantic model, with one reader and one writer. Papers and pairs, which you may write
yourself, can have more keys than their model: these keys are ignored. `eval verify` keeps such keys. All other files
can only have the keys of their model. A file of an older version is refused, with a message that says how to write it
again. `docs/schemas/` has the JSON schemas.
"""


@dataclass(frozen=True)
class Format:
    """A file format: its model as `module:class`, the files, and who writes and reads them."""

    model: str
    files: str
    written_by: str
    read_by: str

    @property
    def shown_files(self) -> str:
        """Return the files as Markdown, with a note where each line is an object of its own."""
        return f"`{self.files}`" + (", one object per line" if self.files.endswith(".jsonl") else "")

    def load(self) -> type[FileFormat]:
        """Return the pydantic model."""
        module, name = self.model.split(":")
        loaded: type[FileFormat] = getattr(importlib.import_module(module), name)
        return loaded


# Add a format here, then run this script.
FORMATS = (
    Format(
        "dataset_builder.corpus.papers:Paper",
        "papers/VENUE_YEAR.jsonl",
        "crawl, import",
        "generate, calibrate, build, hydrate",
    ),
    Format("dataset_builder.corpus.pairs:QAPair", "qa/TEACHER/VENUE_YEAR.jsonl", "generate", "build"),
    Format("dataset_builder.corpus.manifest:Manifest", "qa/TEACHER/generation.json", "generate", "build"),
    Format("dataset_builder.corpus.manifest:RejectedPair", "qa/TEACHER/rejected.jsonl", "generate", "you"),
    Format("dataset_builder.teachers.teacher:TeacherFile", "dataset_builder/teachers/NAME.yaml", "you", "generate"),
    Format("dataset_builder.models.packaged:ModelSource", "data/models/NAME/source.json", "models", "publish"),
    Format("dataset_builder.corpus.about:About", "dataset_builder/open_corpus/about.yaml", "you", "build"),
    Format(
        "dataset_builder.verifier_examples.written:WrittenAnswer",
        "dataset_builder/open_corpus/faithfulness/VENUE_YEAR.jsonl",
        "you",
        "training verifier",
    ),
    Format("dataset_builder.corpus.report:CorpusReport", "data/corpus/report.json", "build", "push, eval, cards"),
    Format("dataset_builder.hub.changes:PushedFiles", ".isca-qa-files.json", "push, publish", "push, publish"),
    Format("training.run.folder:RunInputs", "runs/NAME/inputs.json", "training", "training"),
    Format("eval.run_metrics:RunEnvironment", "runs/NAME/environment.json", "training", "training ledger, cards"),
    Format("eval.run_metrics:RunMetrics", "runs/NAME/metrics.json", "training", "eval, training, cards"),
    Format("eval.run_metrics:SweepSummary", "runs/NAME-sweep/sweep.json", "training sweep", "you"),
    Format(
        "dataset_builder.verification.report:VerifierReport",
        "runs/VERIFIER/verifier.json",
        "training verifier",
        "eval, generate, build, training, cards",
    ),
    Format("eval.verify:VerifiedAnswer", "FILE.jsonl", "you, eval verify", "eval verify"),
    Format(
        "eval.asking.abstention:Abstention",
        "runs/NAME/abstention.json",
        "eval choose-threshold",
        "eval answer, demo, cards",
    ),
    Format(
        "eval.run_metrics:SampledAnswers", "data/best-of-4/samples.json", "training best_of_n", "training, publish"
    ),
    Format("eval.analysis.scores:Scores", "runs/eval/scores.json", "eval run", "cards, eval plan"),
    Format(
        "eval.analysis.ledger:LedgerLine", "results/ledger.jsonl", "training ledger", "training ledger, cards, you"
    ),
    Format("eval.asking.evidence:CitedAnswer", "answers.jsonl", "eval answer --json > answers.jsonl", "you"),
)


def formats_page() -> str:
    """Return the text of docs/formats.md."""
    overview = ["", "| file | model | written by | read by |", "| --- | --- | --- | --- |"]
    sections: list[str] = []
    parts: dict[str, dict[str, Any]] = {}
    top_level = {entry.load().__name__ for entry in FORMATS}
    for entry in FORMATS:
        model = entry.load()
        schema = model.model_json_schema(mode="validation")
        name = model.__name__
        overview.append(f"| {entry.shown_files} | [{name}](#{name.lower()}) | {entry.written_by} | {entry.read_by} |")
        sections += [
            f"## {name}",
            "",
            f"File: {entry.shown_files}.",
            f"Schema: [{name}.json](schemas/{name}.json).",
            "",
        ]
        sections += _section(schema)
        parts |= {part: value for part, value in schema.get("$defs", {}).items() if part not in top_level}
    sections += ["## Parts of the formats", "", "Objects that the files above contain.", ""]
    for part, schema in sorted(parts.items()):
        sections += [f"### {part}", "", *_section(schema)]
    return "\n".join([INTRODUCTION.rstrip("\n"), *overview, "", *sections]).rstrip("\n") + "\n"


def schema_files() -> dict[Path, str]:
    """Return the text of each file in docs/schemas/."""
    models = [entry.load() for entry in FORMATS]
    return {
        DOCS / "schemas" / f"{model.__name__}.json": json.dumps(
            model.model_json_schema(mode="validation"), indent=2, ensure_ascii=False
        )
        + "\n"
        for model in models
    }


def type_name(schema: dict[str, Any]) -> str:
    """Return the type that a JSON schema describes, in words, with links to the parts."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
            return " or ".join(type_name(choice) for choice in choices)
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"enum": list(values)}:
            return " or ".join(f"`{json.dumps(value)}`" for value in values)
        case {"type": "array", "items": dict(items)}:
            return f"list of {type_name(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"mapping of string to {type_name(values)}"
        case {"type": str(name)}:
            return name
        case _:
            return "any JSON value"


def _section(schema: dict[str, Any]) -> list[str]:
    lines = []
    if "description" in schema:
        lines = [re.sub(r"\bNone\b", "null", inspect.cleandoc(schema["description"])), ""]
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    if not properties:
        return [*lines, f"Values: {type_name({k: v for k, v in schema.items() if k != 'description'})}.", ""]
    described = any("description" in value for value in properties.values())
    lines += ["| key | type | meaning |", "| --- | --- | --- |"] if described else ["| key | type |", "| --- | --- |"]
    for key, value in properties.items():
        optional = "" if key in schema.get("required", ()) else ", optional"
        cells = [f"`{key}`", type_name(value).replace("|", "\\|") + optional]
        if described:
            cells.append(str(value.get("description", "")).replace("|", "\\|"))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def main() -> None:
    """Write the page and the schemas."""
    (DOCS / "schemas").mkdir(exist_ok=True)
    for path, text in {DOCS / "formats.md": formats_page(), **schema_files()}.items():
        write_text(path, text)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m docs.generate_formats", description=__doc__).parse_args()
    with exit_on_input_error():
        main()
