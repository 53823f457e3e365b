"""Versions, expiry, batches, history and journals with asyncio: the same names, awaited."""

# ruff: noqa: PT012 (a batch is a block, and its end is what raises)
from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import agentmem
import agentmem.aio

NEW = ["supersede", "history", "purge", "changes", "explain", "duplicates", "journals"]


@pytest.fixture
def run(path: Path) -> Callable[[Callable[[Any], Coroutine[Any, Any, None]]], None]:
    """Run a coroutine on an open store."""

    def run(work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            async with agentmem.aio.open(path, durability="normal") as store:
                await work(store)

        asyncio.run(main())

    return run


def test_the_new_methods_are_coroutines_with_the_same_arguments() -> None:
    """But `journal` and `batch`: a handle and a block, which do nothing by themselves."""
    for name in [*NEW, "update", "put", "delete", "touch", "list", "search", "scopes", "get"]:
        here, there = getattr(agentmem.aio.AsyncMemoryStore, name), getattr(agentmem.MemoryStore, name)
        assert inspect.iscoroutinefunction(here), name
        assert inspect.signature(here).parameters == inspect.signature(there).parameters, name
    for name in ("journal", "batch"):
        assert not inspect.iscoroutinefunction(getattr(agentmem.aio.AsyncMemoryStore, name)), name


def test_the_journal_has_the_same_names(path: Path) -> None:
    with agentmem.open(path) as store:
        there = store.journal("log")
        here = agentmem.aio.AsyncMemoryStore(store).journal("log")
        names = {name for name in dir(there) if not name.startswith("_")}
        assert names <= {name for name in dir(here) if not name.startswith("_")}
        for name in names:
            if callable(getattr(there, name)):
                assert inspect.iscoroutinefunction(getattr(here, name)), name


def test_records(run: Any) -> None:
    async def work(store: Any) -> None:
        await store.add("one", id="a", ttl=3600)
        seen = (await store.get("a")).version
        await store.update("a", content="two", if_version=seen)
        with pytest.raises(agentmem.ConflictError):
            await store.delete("a", if_version=seen)
        await store.supersede("a", "three")
        assert [record.content for record in await store.history("a")] == ["two", "three"]
        assert [record.id for record in await store.list(order="written", after=seen)] == ["a"]
        assert (await store.changes()).items[-1].id == "a"
        assert (await store.explain("three", "a")).hit
        assert await store.duplicates() == []
        assert await store.touch("a", expires_at="2020-01-01") == 1
        assert await store.get("a") is None
        assert await store.purge() in (0, 1)

    run(work)


def test_journals(run: Any) -> None:
    async def work(store: Any) -> None:
        log = store.journal("log")
        first = await log.append("one")
        assert await log.extend(["two"], if_last=first) == [first + 1]
        assert [entry.value for entry in await log.read()] == ["one", "two"]
        assert (await log.pop()).value == "two"
        await log.put("k", 5, ttl=60)
        assert await log.get("k") == 5
        assert [entry.key for entry in await log.items()] == await log.keys() == ["k"]
        assert (await log.get_many(["k", "x"])).keys() == {"k"}
        assert await store.journals() == ["log"]
        assert await log.prune(keep=0) == await log.delete("k") == 1
        assert await log.clear() == 0
        with pytest.raises(agentmem.InvalidRecordError):
            store.journal("")

    run(work)


def test_a_batch(run: Any) -> None:
    """Calls inside the block are not awaited; the end of the block sends them."""

    async def work(store: Any) -> None:
        async with store.batch() as batch:
            new = batch.put("new", id="a", if_version=0)
            batch.journal("log").append({"new": new.id})
            assert await store.count() == 0
        assert (new.value, new.written) == ("a", True)
        assert new.version == (await store.get("a")).version
        with pytest.raises(agentmem.ConflictError) as caught:
            async with store.batch() as batch:
                batch.journal("log").append("lost")
                batch.check("a", if_version=0)
        assert caught.value.at == 1
        with pytest.raises(ZeroDivisionError):
            async with store.batch() as batch:
                batch.delete("a")
                raise ZeroDivisionError
        with pytest.raises(agentmem.BatchError):
            batch.delete("a")
        assert await store.count() == len(await store.journal("log").read()) == 1

    run(work)


def test_many_batches_at_once(run: Any) -> None:
    """Tasks of one thread: each has a batch of its own."""

    async def work(store: Any) -> None:
        async def one(n: int) -> None:
            async with store.batch() as batch:
                batch.add(f"note {n}", id=str(n))
                await asyncio.sleep(0)
                batch.journal("log").append(n)

        await asyncio.gather(*(one(n) for n in range(100)))
        assert await store.count() == 100
        assert sorted(entry.value for entry in await store.journal("log").read()) == [*range(100)]

    run(work)


def test_a_counter_of_many_tasks_loses_nothing(run: Any) -> None:
    async def work(store: Any) -> None:
        await store.add("counter", id="counter", metadata={"n": 0})

        async def count() -> None:
            for _ in range(20):
                while True:
                    seen = await store.get("counter")
                    try:
                        n = seen.metadata["n"] + 1
                        await store.update("counter", metadata={"n": n}, if_version=seen.version)
                        break
                    except agentmem.ConflictError:
                        pass

        await asyncio.gather(*(count() for _ in range(8)))
        assert (await store.get("counter")).metadata == {"n": 160}

    run(work)


def test_entries_are_popped_once_by_many_tasks(run: Any) -> None:
    async def work(store: Any) -> None:
        await store.journal("log").extend(range(100))
        popped = await asyncio.gather(*(store.journal("log").pop() for _ in range(120)))
        assert sorted(entry.value for entry in popped if entry is not None) == [*range(100)]

    run(work)


def test_a_cancelled_batch_is_whole_or_not_there(run: Any) -> None:
    async def work(store: Any) -> None:
        async def one(n: int) -> None:
            async with store.batch() as batch:
                batch.add(f"note {n}")
                batch.journal("log").append(n)

        for n in range(30):
            task = asyncio.create_task(one(n))
            await asyncio.sleep(0.0005 * (n % 5))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.5)  # the last one may still be on its way
        records = {record.content for record in await store.list(None)}
        assert records == {f"note {entry.value}" for entry in await store.journal("log").read()}
        assert await store.verify()

    run(work)
