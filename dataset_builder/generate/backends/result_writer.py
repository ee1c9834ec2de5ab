"""Write results beside the event loop: the results that finish during a write are written together by the next one."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from dataset_builder.generate.responses import OnResults, PaperResult


class ResultWriter:
    """Call `on_results` in a thread, once at a time, so that requests go on while a disk writes.

    Use one instance in one event loop only. `close` must be called after its tasks have ended.
    """

    def __init__(self, on_results: OnResults) -> None:
        self._on_results = on_results
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._turn = asyncio.Lock()
        self._waiting: list[PaperResult] = []

    async def add(self, result: PaperResult) -> None:
        """Return when `on_results` has got the result, together with the others that waited."""
        self._waiting.append(result)
        async with self._turn:
            results, self._waiting = self._waiting, []
            if results:
                writing = asyncio.get_running_loop().run_in_executor(self._thread, self._on_results, results)
                # A task that is cancelled because another one failed must not take its results with it.
                await asyncio.shield(writing)

    def close(self) -> None:
        """Finish the write in progress, and write the results of tasks that were cancelled while they waited."""
        self._thread.shutdown()
        if self._waiting:
            self._on_results(self._waiting)
