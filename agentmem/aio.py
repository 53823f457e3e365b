"""The store for asyncio: the methods of MemoryStore as coroutines. The event loop never blocks.

>>> import asyncio
>>> import agentmem.aio
>>> async def main():
...     async with agentmem.aio.open("memory.db") as store:
...         await store.add("Alice prefers email over phone.")
...         return await store.search("how do I reach alice?")
>>> asyncio.run(main())[0].record.content
'Alice prefers email over phone.'

A call whose task is cancelled may still run; if it does, it runs to its end.
"""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import functools
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from typing_extensions import Self

from agentmem import _core
from agentmem._batch import AsyncBatch
from agentmem._core import Journal
from agentmem.errors import StoreClosedError
from agentmem.store import Durability, IndexMode, MemoryStore
from agentmem.store.path import shown
from agentmem.types import Embedder, StorePath

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def _awaited(
    method: Callable[Concatenate[MemoryStore, _Args], _Result],
) -> Callable[Concatenate[AsyncMemoryStore, _Args], Coroutine[Any, Any, _Result]]:
    @functools.wraps(method)
    async def call(self: AsyncMemoryStore, /, *args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        return await self._run(lambda: method(self.sync, *args, **kwargs))

    return call


class AsyncMemoryStore:
    """A MemoryStore with coroutines for methods. `agentmem.aio.open` opens one; a store or a path makes one.

    Embedders and `progress` functions are called in a thread that is not the event loop's.
    """

    def __init__(self, sync: MemoryStore | StorePath | Callable[[], MemoryStore], threads: int = 8) -> None:
        """Wrap a store, a path, or a function that opens a store; run at most `threads` calls at once."""
        if isinstance(sync, (str, os.PathLike)):
            sync = functools.partial(MemoryStore, sync)
        self._sync = sync if isinstance(sync, MemoryStore) else None
        # Opens the store if there is none yet.
        self._opening: Callable[[], MemoryStore] = _closed if isinstance(sync, MemoryStore) else sync
        self._lock = threading.Lock()
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None
        self._pending: set[Future[Any]] = set()
        self._process = os.getpid()

    @property
    def sync(self) -> MemoryStore:
        """The MemoryStore, for use in other threads. It is opened here if no call was awaited yet."""
        with self._lock:
            if self._sync is None:
                self._sync = self._opening()
            return self._sync

    @property
    def path(self) -> str:
        """As `MemoryStore.path`. The store is opened if no call was awaited yet."""
        return self.sync.path

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._opening is _closed if self._sync is None else self._sync.closed

    add = _awaited(MemoryStore.add)
    add_many = _awaited(MemoryStore.add_many)
    backup = _awaited(MemoryStore.backup)
    categories = _awaited(MemoryStore.categories)
    changes = _awaited(MemoryStore.changes)
    count = _awaited(MemoryStore.count)
    delete = _awaited(MemoryStore.delete)
    duplicates = _awaited(MemoryStore.duplicates)
    embed_missing = _awaited(MemoryStore.embed_missing)
    explain = _awaited(MemoryStore.explain)
    export = _awaited(MemoryStore.export)
    get = _awaited(MemoryStore.get)
    get_many = _awaited(MemoryStore.get_many)
    history = _awaited(MemoryStore.history)
    import_ = _awaited(MemoryStore.import_)
    journals = _awaited(MemoryStore.journals)
    list = _awaited(MemoryStore.list)
    purge = _awaited(MemoryStore.purge)
    put = _awaited(MemoryStore.put)
    put_many = _awaited(MemoryStore.put_many)
    rebuild = _awaited(MemoryStore.rebuild)
    reset = _awaited(MemoryStore.reset)
    scope_info = _awaited(MemoryStore.scope_info)
    scopes = _awaited(MemoryStore.scopes)
    search = _awaited(MemoryStore.search)
    search_many = _awaited(MemoryStore.search_many)
    stats = _awaited(MemoryStore.stats)
    supersede = _awaited(MemoryStore.supersede)
    touch = _awaited(MemoryStore.touch)
    update = _awaited(MemoryStore.update)
    verify = _awaited(MemoryStore.verify)

    def batch(self) -> AsyncBatch:
        """Begin a batch: `async with store.batch() as batch:`. Calls inside the block are not awaited.

        See `agentmem.Batch`.
        """
        return AsyncBatch(lambda calls: self._run(lambda: self.sync._send(calls)))

    def journal(self, name: str) -> AsyncJournal:
        """Return the handle of a journal, whose methods are coroutines.

        Raises InvalidRecordError for a name that is not text of 1 to 1,024 bytes without NUL.
        """
        return AsyncJournal(self, _core.check_journal_name(name))

    async def close(self) -> None:
        """Close the store once the running calls have ended."""
        running = [*self._pending] if self._process == os.getpid() else []
        await self._run(lambda: self._close(running))
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)

    def __await__(self) -> Generator[Any, None, Self]:
        """Open the store if it is not open, and return it."""
        return self.__aenter__().__await__()

    async def __aenter__(self) -> Self:
        """Open the store if it is not open, and return it."""
        await self._run(lambda: self.sync)
        return self

    def _close(self, running: builtins.list[Future[Any]]) -> None:
        wait(running)
        with self._lock:
            if self._sync is None:
                self._opening = _closed
                return
        self._sync.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    def __copy__(self) -> Self:
        """Return the store itself, so that a copied agent uses the same store."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the store itself, so that a copied agent uses the same store."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path and the options. Unpickling opens the file again."""
        return type(self), (self.sync, self._threads)

    def __repr__(self) -> str:
        """Show the path, and whether the store is closed."""
        if self._sync is None:
            return super().__repr__()
        return f"<{type(self).__name__} {shown(self._sync.path)!r}{', closed' if self.closed else ''}>"

    def _run(self, call: Callable[[], _Result]) -> Awaitable[_Result]:
        if self._executor is None or self._process != os.getpid():
            # A forked child does not have the threads of its parent.
            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="agentmem")
            self._pending = set()
            self._process = os.getpid()
        future = self._executor.submit(contextvars.copy_context().run, _without_stop_iteration, call)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        return asyncio.wrap_future(future)


def _awaited_journal(
    method: Callable[Concatenate[Journal, _Args], _Result],
) -> Callable[Concatenate[AsyncJournal, _Args], Coroutine[Any, Any, _Result]]:
    async def call(self: AsyncJournal, /, *args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        return await self._run(lambda journal: method(journal, *args, **kwargs))

    functools.update_wrapper(call, method)
    # A compiled method has no module whose names could resolve this function's type hints.
    del call.__wrapped__  # type: ignore[attr-defined]
    return call


class AsyncJournal:
    """The handle of a journal with coroutines for methods. `AsyncMemoryStore.journal` makes one."""

    def __init__(self, store: AsyncMemoryStore, name: str) -> None:
        """Take the store and the journal's name."""
        self._store = store
        self.name = name

    append = _awaited_journal(Journal.append)
    clear = _awaited_journal(Journal.clear)
    delete = _awaited_journal(Journal.delete)
    extend = _awaited_journal(Journal.extend)
    get = _awaited_journal(Journal.get)
    get_many = _awaited_journal(Journal.get_many)
    items = _awaited_journal(Journal.items)
    keys = _awaited_journal(Journal.keys)
    pop = _awaited_journal(Journal.pop)
    prune = _awaited_journal(Journal.prune)
    put = _awaited_journal(Journal.put)
    read = _awaited_journal(Journal.read)

    def __repr__(self) -> str:
        """Show the name."""
        return f"<{type(self).__name__} {self.name!r}>"

    def _run(self, call: Callable[[Journal], _Result]) -> Awaitable[_Result]:
        return self._store._run(lambda: call(self._store.sync.journal(self.name)))


def _without_stop_iteration(call: Callable[[], _Result]) -> _Result:
    """What `call` returns. No future can hold a StopIteration, so it becomes a RuntimeError."""
    try:
        return call()
    except StopIteration as error:
        raise RuntimeError("the embedder or the progress function raised StopIteration") from error


def _closed() -> MemoryStore:
    raise StoreClosedError("the store is closed")


def open(
    path: StorePath | None = None,
    *,
    pool_size: int = 8,
    durability: Durability = "full",
    index: IndexMode = "memory",
    embedder: Embedder | str | None = None,
    read_only: bool = False,
    busy_timeout: float = 30.0,
) -> AsyncMemoryStore:
    """Open a store; the arguments are those of `agentmem.open`.

    With `await` or `async with`, the store opens at once. Otherwise the first call that is awaited opens it,
    and raises the error if that fails.
    """
    opening = functools.partial(
        MemoryStore,
        path,
        pool_size=pool_size,
        durability=durability,
        index=index,
        embedder=embedder,
        read_only=read_only,
        busy_timeout=busy_timeout,
    )
    return AsyncMemoryStore(opening, pool_size if isinstance(pool_size, int) and pool_size > 0 else 1)
