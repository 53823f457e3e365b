"""Batches that tasks of one event loop begin at the same time are executed as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from langgraph.store.base import Op, Result

_Execute = Callable[[list[Op]], Awaitable[list[Result]]]


class _Batch(NamedTuple):
    ops: list[Op]
    results: asyncio.Future[list[Result]]


class Together:
    """Makes one batch of those that wait. If it fails, each is executed alone, for its own error."""

    def __init__(self) -> None:
        """Begin without batches."""
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, list[_Batch]] = WeakKeyDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, ops: list[Op], execute: _Execute) -> asyncio.Future[list[Result]]:
        """The results to come. The batch begins when the tasks that are ready now have had their turn.

        `execute` executes the operations of a batch, all or none. It is the same for all batches.
        """
        loop = asyncio.get_running_loop()
        batch = _Batch(ops, loop.create_future())
        if loop in self._waiting:
            self._waiting[loop].append(batch)
        else:
            self._waiting[loop] = [batch]
            task = loop.create_task(self._run(loop, execute))
            self._tasks.add(task)  # an event loop holds tasks weakly
            task.add_done_callback(self._tasks.discard)
        return batch.results

    async def _run(self, loop: asyncio.AbstractEventLoop, execute: _Execute) -> None:
        batches = self._waiting.pop(loop)
        try:
            await _settle(batches, execute)
        finally:
            for batch in batches:  # those without results: this task was cancelled
                batch.results.cancel()


async def _settle(batches: list[_Batch], execute: _Execute) -> None:
    try:
        results = iter(await execute([op for batch in batches for op in batch.ops]))
    except Exception as error:
        if len(batches) > 1:
            for batch in batches:
                await _settle([batch], execute)
        elif not batches[0].results.done():
            batches[0].results.set_exception(error)
        return
    for ops, found in batches:
        own = list(islice(results, len(ops)))
        if not found.done():  # else its caller was cancelled
            found.set_result(own)
