"""Memory does not grow with the work that is done, only with what is stored."""

from __future__ import annotations

import gc
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import agentmem


def resident() -> int:
    """Bytes of this process that are its own: without files that are mapped."""
    gc.collect()
    with open("/proc/self/smaps_rollup") as rollup:
        return sum(
            int(line.split()[1]) * 1024 for line in rollup if line.startswith(("Private_Dirty", "Swap:"))
        )


def descriptors() -> int:
    """Open files."""
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="the system does not tell")
@pytest.mark.parametrize("index", ["memory", "disk"])
def test_mixed_work_reaches_a_plateau(
    index: str, tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """After some rounds of the same work the process is as large as it will ever be."""
    path = tmp_path / "memory.db"
    sizes, files = [], []
    with agentmem.open(path, index=index, durability="normal") as keeper:
        keeper.add_many(f"note {n} of group{n % 10}" for n in range(500))
        for number in rounds(30, share=0.1):
            with agentmem.open(path, index=index, durability="normal") as store:
                work(store, number)
            sizes.append(resident())
            files.append(descriptors())
        assert keeper.verify()
    early, late = max(sizes[10:15]), min(sizes[-5:])
    assert late < early * 1.15 + (8 << 20), f"grew from {early:,} to {late:,} bytes: {sizes}"
    assert files[-1] <= files[5] + 8, files
    figures["rounds of mixed work, memory steady"] += len(sizes)


def work(store: agentmem.MemoryStore, number: int) -> None:
    """Everything once, ending with as many records as before."""
    ids = store.add_many({"content": f"passing {number} {n}", "embedding": [1.0, n]} for n in range(300))
    for id in random.sample(ids, 20):
        store.update(id, content=f"changed {random.random()}")
    for mode in ("hybrid", "bm25", "tfidf"):
        for n in range(20):
            store.search(f"note {n} passing group{n % 10}", mode=mode, where={"x": {"$ne": random.random()}})
    store.search("x", mode="vector", vector=[1.0, 2.0])
    store.search_many(["note 1", "passing 2"] * 10)
    with pytest.raises(agentmem.DuplicateIdError):
        store.add("again", id=ids[0])
    store.list(100)
    store.categories()
    for id in random.sample(ids, 20):
        store.supersede(id, f"superseded {random.random()}")
    store.touch(ids[:50], ttl=3600)
    with store.batch() as batch:
        for n in range(50):
            batch.put(f"batched {n}", id=ids[n])
            batch.journal(f"log {number % 3}").append({"n": [n]})
    with pytest.raises(agentmem.ConflictError), store.batch() as batch:
        batch.check(ids[0], if_version=0)
    log = store.journal(f"log {number % 3}")
    log.put("key", "value " * 100, ttl=1e-6)
    log.read(last=20)
    log.items()
    store.changes()
    store.delete(ids)
    log.clear()
    store.purge()
