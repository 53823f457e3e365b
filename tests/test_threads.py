from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import agentmem
from agentmem import MemoryStore


def in_threads(count: int, work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, range(count), timeout=120))


def test_adds_from_many_threads(store: MemoryStore) -> None:
    def work(thread: int) -> None:
        for number in range(25):
            id = store.add(f"thread{thread}x number{number}x", id=f"{thread}-{number}")
            assert id in {hit.record.id for hit in store.search(f"thread{thread}x", 100)}

    in_threads(8, work)
    assert store.count() == 200
    assert store.verify()


def test_everything_at_once(store: MemoryStore) -> None:
    store.add_many({"content": f"shared words {n}", "id": str(n)} for n in range(100))

    def work(thread: int) -> None:
        for number in range(20):
            mine = f"{thread}-{number}"
            store.put(f"put by thread {thread}", id=mine, metadata={"thread": thread})
            store.update(mine, importance=1.0)
            assert len(store.search("shared words", 5)) == 5
            assert store.count(where={"thread": thread}) >= 1
            store.touch(mine)
            store.delete(mine)
            assert store.get(mine) is None

    in_threads(6, work)
    assert store.count() == 100
    assert store.verify()


def test_batches_are_seen_whole(store: MemoryStore) -> None:
    over = threading.Event()
    seen: set[int] = set()

    def watch() -> None:
        while not over.is_set():
            seen.add(store.count() % 10)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        store.add_many(["text"] * 10)
    over.set()
    watcher.join()
    assert seen == {0}


def test_the_interpreter_is_released(store: MemoryStore) -> None:
    """While one thread works in the core, others run."""
    store.add_many(f"some words to search in, number {n}" for n in range(3000))
    ticks = 0
    over = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not over.wait(0.0005):
            ticks += 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    try:
        ticker = threading.Thread(target=tick)
        ticker.start()
        before = ticks
        store.rebuild()
        assert ticks > before
    finally:
        over.set()
        sys.setswitchinterval(interval)
        ticker.join()


def test_stores_on_one_path_share(path: Path) -> None:
    stores = [agentmem.open(path) for _ in range(4)]

    def work(number: int) -> None:
        for turn in range(20):
            stores[number].add(f"handle{number}x", id=f"{number}-{turn}")

    in_threads(4, work)
    for store in stores:
        assert store.count() == 80
        assert len(store.search("handle2x", 100)) == 20
        store.close()


def test_closing_while_others_work(path: Path) -> None:
    store = agentmem.open(path)
    store.add("word")

    def work(number: int) -> None:
        try:
            for _ in range(200):
                store.search("word")
                if number == 0:
                    store.close()
        except agentmem.StoreClosedError:
            pass

    in_threads(4, work)
    with agentmem.open(path) as again:
        assert again.count() == 1
        assert again.verify()
