"""Results are written in a thread, and several together."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest

from dataset_builder.generate.backends.result_writer import ResultWriter
from dataset_builder.generate.responses import PaperResult

A, B, C = (PaperResult(paper_id=name, request_sha256="0", made_by="a test", responses=[]) for name in "abc")


class SlowDisk:
    """Record the writes; each one ends when the test says so."""

    def __init__(self) -> None:
        self.writes: list[list[PaperResult]] = []
        self.begun, self.finish = Event(), Event()

    def write(self, results: list[PaperResult]) -> None:
        """Write the results."""
        self.writes.append(results)
        self.begun.set()
        assert self.finish.wait(60)


def test_results_that_finish_during_a_write_are_written_together() -> None:
    """The event loop goes on during the first write, and each task ends after its own."""
    disk = SlowDisk()

    async def run() -> None:
        writer = ResultWriter(disk.write)
        first = asyncio.create_task(writer.add(A))
        await asyncio.to_thread(disk.begun.wait)
        others = [asyncio.create_task(writer.add(result)) for result in (B, C)]
        await asyncio.sleep(0)
        assert not first.done()
        disk.finish.set()
        await asyncio.gather(first, *others)
        writer.close()

    asyncio.run(run())
    assert disk.writes == [[A], [B, C]]


def test_failure_of_another_task_loses_no_result() -> None:
    """One result is being written and one waits when the tasks are cancelled."""
    disk = SlowDisk()

    async def run() -> None:
        writer = ResultWriter(disk.write)
        tasks = [asyncio.create_task(writer.add(result)) for result in (A, B)]
        await asyncio.to_thread(disk.begun.wait)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        disk.finish.set()
        writer.close()

    asyncio.run(run())
    assert disk.writes == [[A], [B]]


def test_failing_write_fails_its_task() -> None:
    """As a full disk does."""

    def fail(results: list[PaperResult]) -> None:
        raise OSError("no space left")

    async def run() -> None:
        writer = ResultWriter(fail)
        with pytest.raises(OSError, match="no space left"):
            await writer.add(A)
        writer.close()

    asyncio.run(run())
