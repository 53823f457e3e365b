from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import pytest

import agentmem


@pytest.mark.file
def test_pickling_reopens(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = agentmem.open(path, durability="normal", index="disk", pool_size=3)
    id = store.add("kept")
    sent = pickle.dumps(store)
    store.close()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pickle.loads(sent) as again:
        assert isinstance(again, agentmem.MemoryStore)
        assert again.path == store.path
        assert again.get(id) is not None
        assert again.stats().pool_size == 3


def test_pickled_stores_are_handles_of_their_own(path: Path) -> None:
    with agentmem.open(path) as store:
        other = pickle.loads(pickle.dumps(store))
        other.add("written through the other")
        other.close()
        assert store.count() == 1


def test_pickling_into_a_spawned_process(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("from the parent")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(agentmem.MemoryStore.count, (store,)) == 1
            pool.apply(agentmem.MemoryStore.add, (store, "from the child"))
        assert store.count() == 2
        assert len(store.search("child")) == 1


def test_errors_pickle() -> None:
    for error in (
        agentmem.InvalidRecordError("a message"),
        agentmem.RecordNotFoundError("a message"),
        agentmem.StorePathError(2, "No such file", "/x"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
