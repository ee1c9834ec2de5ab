"""Run the parts of a campaign that are not finished, for a limited time, and record each call."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dataset_builder.files import exclusive_lock, make_writable_folder, write_text
from dataset_builder.journal import Journal
from tests.gpu_campaign.entry import Entry, add_to_results, as_markdown, describe_training, read_trainings
from tests.gpu_campaign.parts import Part
from tests.gpu_campaign.process import run_limited, stop_processes
from training.commit import describe_commit

RESULTS_FILE = "results.md"


class Runner:
    """A campaign in the folder `out`, which holds the journal of its entries and, for each part, its output.

    `device` describes the machine. `gpus` are the names of the visible GPUs, as in CUDA_VISIBLE_DEVICES; without any,
    a part has the CPU. `results` is a file such as RESULTS.md, to which the sections of finished parts are added.
    """

    def __init__(self, out: Path, device: str, gpus: Sequence[str] = (), results: Path | None = None) -> None:
        self._out = out
        self._device = device
        self._gpus = gpus
        self._results = results
        make_writable_folder(out / "output")
        self._journal = Journal(out, "entries", Entry)
        self._entries: list[Entry] = self._journal.read_new()

    def run(self, parts: Sequence[Part], seconds: float) -> dict[str, str]:
        """Run the parts that are not finished for `seconds`; return why the others are left, by their name.

        Raises `InputError` if another campaign is writing into the folder.
        """
        left: dict[str, str] = {}
        with exclusive_lock(self._out):
            stop_processes(self._out)
            self._write_results()
            end = time.monotonic() + seconds
            for part in parts:
                if self._is_finished(part):
                    continue
                needed = [name for name in part.needs if name in left or not any(self._finished_calls(name))]
                if needed:
                    left[part.name] = f"needs {', '.join(needed)}"
                elif time.monotonic() >= end:
                    left[part.name] = "the time was up"
                elif problem := self._run_part(part, end - time.monotonic()):
                    left[part.name] = problem
        return left

    def _run_part(self, part: Part, seconds: float) -> str | None:
        """Run a part, print and record it; return why it is not finished."""
        sys.stdout.write(f"\n{part.name}: {part.command}\n")
        sys.stdout.flush()
        output = self._out / "output" / f"{part.name}.txt"
        begun = time.monotonic()
        environment = dict(part.environment)
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(self._gpus[: part.processes])
        code = run_limited(part.words, self._out, output, seconds, environment)
        printed = output.read_text(encoding="utf-8", errors="replace")
        sys.stdout.write(printed)
        if code:
            return f"failed with exit code {code}, see its message above"
        trainings = read_trainings(part.runs)
        memory = [metrics.peak_memory_bytes for metrics in trainings.values()]
        entry = Entry(
            part=part.name,
            date=datetime.now(UTC).date().isoformat(),
            command=part.command,
            commit=describe_commit(),
            device=self._device,
            seconds=round(time.monotonic() - begun, 1),
            is_finished=code == 0,
            peak_memory_bytes=max(memory, default=None),
            output=printed.splitlines(),
            figures=[describe_training(run, metrics) for run, metrics in trainings.items()],
        )
        self._journal.append([entry])
        self._entries.append(entry)
        self._write_results()
        sys.stdout.write("".join(f"{line}\n" for line in entry.figures))
        return None if entry.is_finished else "was stopped because the time was up"

    def _is_finished(self, part: Part) -> bool:
        return any(entry.command == part.command for entry in self._finished_calls(part.name))

    def _finished_calls(self, name: str) -> list[Entry]:
        return [entry for entry in self._entries if entry.part == name and entry.is_finished]

    def _write_results(self) -> None:
        """Write the sections of the finished parts to the campaign's own file, and add them to `results`."""
        finished = [entry for entry in self._entries if entry.is_finished]
        sections = [as_markdown(self._calls_until(entry)) for entry in finished]
        write_text(self._out / RESULTS_FILE, "\n".join(reversed(sections)))
        if self._results:
            add_to_results(self._results, sections)

    def _calls_until(self, last: Entry) -> list[Entry]:
        """Return the calls of the same command up to and including `last`."""
        until = self._entries[: self._entries.index(last) + 1]
        return [entry for entry in until if (entry.part, entry.command) == (last.part, last.command)]
