"""Define what the campaign records of a part, and print it as an entry of RESULTS.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_builder.errors import InputError
from dataset_builder.files import write_text
from dataset_builder.formats import FileFormat
from dataset_builder.models.folders import METRICS_FILE
from eval.run_metrics import RunMetrics, read_run_metrics

# What comes before the entries of RESULTS.md, the newest first.
HEADING = "\n## "


class Entry(FileFormat):
    """A call of a part's command: the part is finished, or its time was up.

    `seconds` is the time of the call. `peak_memory_bytes` is the largest of the part's trainings: allocated on a GPU,
    resident on a CPU. `output` and `figures` are lines: of the command's standard output, and of its trainings.
    """

    part: str
    date: str
    command: str
    commit: str
    device: str
    seconds: float
    is_finished: bool
    peak_memory_bytes: int | None
    output: list[str]
    figures: list[str]


def read_trainings(folder: Path | None) -> dict[str, RunMetrics]:
    """Return the metrics of the finished trainings in a folder or below it, by the path of the run."""
    paths = sorted(folder.rglob(METRICS_FILE)) if folder else []
    return {str(path.parent): read_run_metrics(path.parent) for path in paths}


def describe_training(run: str, metrics: RunMetrics) -> str:
    """Return the speed, the memory and the scores of a training as one line."""
    last = metrics.loss_by_epoch[-1].train_loss if metrics.loss_by_epoch else None
    similarity = metrics.validation.similarity
    figures = [
        f"{metrics.train_seconds:.1f} s of training steps",
        f"{metrics.tokens_per_second:.0f} tokens/s",
        None if metrics.mfu is None else f"MFU {metrics.mfu:.1%}",
        f"{metrics.peak_memory_bytes / 2**30:.1f} GiB",
        None if last is None else f"training loss {last:.4f} in the last epoch",
        None if similarity is None else f"validation similarity {similarity:.3f}",
    ]
    return f"{run}: {', '.join(filter(None, figures))}"


def as_markdown(calls: Sequence[Entry]) -> str:
    """Return the section of RESULTS.md about the calls of a finished part."""
    last = calls[-1]
    seconds = sum(call.seconds for call in calls)
    how_often = "one call" if len(calls) == 1 else f"{len(calls)} calls"
    memory = "" if last.peak_memory_bytes is None else f", peak memory {last.peak_memory_bytes / 2**30:.1f} GiB"
    lines = [last.command, "", *last.output, *last.figures]
    block = "\n".join(f"    {line}".rstrip() for line in lines)
    measured = f"At {last.commit}, on {last.device}: {seconds:.0f} s in {how_often}{memory}."
    return f"{section_title(last)}\n\n{measured}\n\n{block.rstrip()}\n"


def section_title(entry: Entry) -> str:
    """Return the heading of a finished part's section."""
    return f"## {entry.date}: GPU campaign, {entry.part}, at {entry.commit}"


def add_to_results(path: Path, sections: Sequence[str]) -> None:
    """Add the sections that a results file lacks before its first section, the last one first.

    Raises `InputError` for a file that cannot be read or has no section.
    """
    existing = text = read_results(path)
    for section in sections:
        title = section.splitlines()[0]
        if title not in text.splitlines():
            before, heading, after = text.partition(HEADING)
            text = f"{before}\n{section}{heading}{after}"
    if text != existing:
        write_text(path, text)


def read_results(path: Path) -> str:
    """Return the text of a results file; raises `InputError` for one that cannot be read or has no section."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--results {path}: cannot be read ({error}); give a file such as RESULTS.md") from error
    if HEADING not in text:
        raise InputError(f"--results {path}: has no section (## ...); give a file such as RESULTS.md")
    return text
