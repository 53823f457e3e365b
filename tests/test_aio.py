from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import time
from pathlib import Path
from typing import Any

import pytest

import agentmem
import agentmem.aio


def test_the_same_names(path: Path) -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(agentmem.MemoryStore) == public(agentmem.aio.AsyncMemoryStore) - {"sync"}
    for name in public(agentmem.MemoryStore) - {"path", "closed", "batch", "journal"}:
        assert inspect.iscoroutinefunction(getattr(agentmem.aio.AsyncMemoryStore, name)), name


def test_use(path: Path) -> None:
    async def main() -> None:
        async with agentmem.aio.open(path) as store:
            id = await store.add("Alice prefers email over phone.", scope="/user/alice", importance=0.7)
            hits = await store.search("how do I reach alice?", limit=3, scope="/user")
            assert [hit.record.id for hit in hits] == [id]
            assert (await store.get(id)) == hits[0].record
            await store.add_many(["one", {"content": "two"}])
            assert await store.count() == 3
            assert [record.content for record in await store.list(1)] == ["two"]
            assert await store.scopes() == ["/user"]
            assert (await store.stats()).records == 3
            assert await store.verify()
            await store.update(id, content="changed")
            assert await store.delete(id) == 1
            assert await store.reset() == 2
            with pytest.raises(agentmem.InvalidFilterError):
                await store.delete()
        assert store.closed
        with pytest.raises(agentmem.StoreClosedError):
            await store.count()

    asyncio.run(main())


@pytest.mark.file
def test_a_store_opens_at_its_first_use(path: Path) -> None:
    async def main() -> None:
        store = agentmem.aio.open(path)
        assert not path.exists()
        assert not store.closed
        assert "AsyncMemoryStore" in repr(store)
        await asyncio.gather(*(store.add(f"note {n}") for n in range(20)))
        assert await store.count() == 20
        await store.close()
        assert store.closed
        unused = agentmem.aio.open(path.parent / "unused.db")
        await unused.close()
        assert unused.closed
        with pytest.raises(agentmem.StoreClosedError):
            await unused.count()
        assert not (path.parent / "unused.db").exists()
        broken = agentmem.aio.open(path.parent / "none" / "memory.db")
        for _ in range(2):
            with pytest.raises(agentmem.StorePathError):
                await broken.count()

    asyncio.run(main())


@pytest.mark.file
def test_open_can_be_awaited(path: Path) -> None:
    async def main() -> None:
        store = await agentmem.aio.open(path, index="disk")
        await store.add("x")
        assert store.path == str(path)
        assert copy.deepcopy(store) is store
        again = pickle.loads(pickle.dumps(store))
        assert await again.count() == 1
        await again.close()
        await store.close()
        await store.close()

    asyncio.run(main())


def test_open_reports_errors(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(agentmem.StorePathError):
            await agentmem.aio.open(tmp_path / "no" / "x.db")
        with pytest.raises(agentmem.StorePathError):
            async with agentmem.aio.open(tmp_path / "no" / "x.db"):
                pass

    asyncio.run(main())


def test_many_at_once(path: Path) -> None:
    async def main() -> None:
        async with agentmem.aio.open(path) as store:
            ids = await asyncio.gather(*(store.add(f"memory number{n}x") for n in range(200)))
            assert len(set(ids)) == 200
            found = await asyncio.gather(*(store.search(f"number{n}x") for n in range(200)))
            assert [hits[0].record.id for hits in found] == ids

    asyncio.run(main())


def test_the_loop_never_blocks(path: Path) -> None:
    def slow(texts: list[str]) -> list[list[float]]:
        time.sleep(0.3)
        return [[1.0, 0.0] for _ in texts]

    async def main() -> None:
        async with agentmem.aio.open(path, embedder=slow) as store:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            ticking = asyncio.create_task(tick())
            await store.add("slowly embedded")
            ticking.cancel()
            assert ticks > 5

    asyncio.run(main())


def test_cancelled_calls_leave_a_sound_store(path: Path) -> None:
    async def main() -> None:
        async with agentmem.aio.open(path) as store:
            for number in range(30):
                task: asyncio.Task[Any] = asyncio.create_task(store.add_many([f"batch {number}"] * 10))
                await asyncio.sleep(0.0005 * (number % 5))
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert await store.count() % 10 == 0
            assert await store.verify()
            await store.add("still works")

    asyncio.run(main())


def test_one_store_in_two_loops(path: Path) -> None:
    store = agentmem.aio.AsyncMemoryStore(path)
    asyncio.run(store.add("first loop"))  # type: ignore[arg-type]
    assert asyncio.run(store.count()) == 1  # type: ignore[arg-type]
    asyncio.run(store.close())


def test_closing_waits_for_calls_under_way(path: Path) -> None:
    async def main() -> None:
        for _ in range(10):
            store = await agentmem.aio.open(path)
            calls = [asyncio.ensure_future(store.count()) for _ in range(24)]
            await asyncio.sleep(0)
            await store.close()
            assert await asyncio.gather(*calls) == [0] * 24

    asyncio.run(main())


def test_what_a_function_raises_reaches_the_caller(path: Path) -> None:
    def embed(texts: list[str]) -> list[list[float]]:
        raise StopIteration

    async def main() -> None:
        async with agentmem.aio.open(path, embedder=embed) as store:
            with pytest.raises(RuntimeError, match="StopIteration"):
                await asyncio.wait_for(store.add("x"), 20)

    asyncio.run(main())


def test_wrong_options(path: Path) -> None:
    async def main() -> None:
        for pool_size in (0, "a"):
            with pytest.raises(ValueError, match="pool_size"):
                await agentmem.aio.open(path, pool_size=pool_size)  # type: ignore[arg-type]

    asyncio.run(main())
