"""Batches: several writes in one transaction, all or nothing, with conditions on what was there before."""

# ruff: noqa: PT012 (a batch is a block, and its end is what raises)
from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clock import START, Clock

import agentmem
from agentmem import (
    AgentMemError,
    BatchError,
    ConflictError,
    DuplicateIdError,
    InvalidFilterError,
    InvalidRecordError,
    MemoryStore,
    Record,
    RecordNotFoundError,
)


def contents(store: MemoryStore) -> dict[str, str]:
    return {record.id: record.content for record in store.list(None, include_private=True)}


def version(store: MemoryStore, id: str) -> int:
    record = store.get(id, include_private=True)
    assert record is not None
    return record.version


@pytest.fixture
def filled(quick: MemoryStore) -> MemoryStore:
    quick.add_many([{"id": id, "content": f"old {id}", "scope": f"/{id}"} for id in ("a", "b", "c")])
    return quick


def test_everything_happens_at_once(filled: MemoryStore) -> None:
    with filled.batch() as batch:
        batch.add("new d", id="d")
        batch.put("new a", id="a")
        batch.update("b", content="new b")
        batch.delete("c")
        batch.journal("log").append({"moved": "c"})
        assert contents(filled) == {"a": "old a", "b": "old b", "c": "old c"}
        assert filled.journal("log").read() == []
    assert contents(filled) == {"a": "new a", "b": "new b", "d": "new d"}
    assert [entry.value for entry in filled.journal("log").read()] == [{"moved": "c"}]


def test_no_lock_is_held_inside_the_block(filled: MemoryStore) -> None:
    """Others write meanwhile, this thread too."""
    with filled.batch() as batch:
        batch.update("a", content="by the batch")
        filled.update("b", content="by this thread")
        with agentmem.open(filled.path, busy_timeout=0.2) as other:
            other.update("c", content="by another store")
            other.journal("log").append(1)
    assert contents(filled) == {"a": "by the batch", "b": "by this thread", "c": "by another store"}


def test_what_each_call_returns(filled: MemoryStore, clock: Clock) -> None:
    """`value` is what the store's own method returns, `id` is known at once."""
    with filled.batch() as batch:
        log = batch.journal("log")
        added = batch.add("new", private=True)
        put = batch.put("new", id="e")
        updated = batch.update("a", importance=0.9)
        superseded = batch.supersede("b", "new b")
        touched = batch.touch(["a", "nobody"], ttl=60)
        deleted = batch.delete(["c", "nobody"])
        filtered = batch.delete(scope="/b")
        checked = batch.check("nobody", if_version=0)
        appended, extended = log.append(1), log.extend([2, 3])
        kept, dropped = log.put("key", 4), log.delete("key")
        pruned, cleared = log.prune(keep=1), log.clear()
        assert (put.id, updated.id, superseded.id) == ("e", "a", "b")
        id = added.id
    assert filled.get(id, include_private=True).content == "new"  # type: ignore[union-attr]
    assert (added.value, put.value) == (id, "e")
    assert isinstance(updated.value, Record)
    assert (updated.value.id, updated.value.importance) == ("a", 0.9)
    assert (superseded.value.content, superseded.value.version) == ("new b", superseded.version)
    assert (touched.value, deleted.value, filtered.value, checked.value) == (1, 1, 1, None)
    first, numbers = appended.value, extended.value
    assert first < numbers[0] < numbers[1] < kept.value
    assert (dropped.value, pruned.value, cleared.value) == (1, 2, 1)
    assert filled.journal("log").read() == []
    assert (added.version, put.version) == (version(filled, id), version(filled, "e"))
    assert updated.version == updated.value.version == version(filled, "a")
    assert added.version < put.version < updated.version < superseded.version
    assert [call.written for call in (added, put, updated, superseded)] == [True] * 4
    assert filled.get("a").expires_at is not None  # type: ignore[union-attr]


def test_records_and_dicts_are_put_too(quick: MemoryStore) -> None:
    """As in the lists of `put_many`; `put(content, **fields)` is the store's own form."""
    with quick.batch() as batch:
        new = batch.put(Record("one", id="a", importance=0.9), if_version=0)
        batch.add({"content": "two", "id": "b"})
    assert (new.id, new.version) == ("a", version(quick, "a"))
    assert contents(quick) == {"a": "one", "b": "two"}
    assert quick.get("a").importance == 0.9  # type: ignore[union-attr]


def test_values_are_known_when_the_block_has_ended(filled: MemoryStore) -> None:
    with filled.batch() as batch:
        call = batch.put("new", id="a")
        for name in ("value", "version", "written"):
            with pytest.raises(BatchError):
                getattr(call, name)
    assert (call.value, call.written) == ("a", True)


def test_writes_run_in_order_and_see_those_before(filled: MemoryStore) -> None:
    """One id twice is fine: the later wins."""
    with filled.batch() as batch:
        batch.put("first", id="x")
        second = batch.put("second", id="x")
        batch.update("x", metadata={"n": 1})
        batch.delete("a")
        batch.add("again", id="a")
        batch.delete("x", if_version=0)
    assert contents(filled)["a"] == "again"
    assert "x" not in contents(filled)
    assert second.version < version(filled, "a")


def test_what_is_skipped_says_so(filled: MemoryStore) -> None:
    with filled.batch() as batch:
        calls = [batch.add("new", id=id, on_conflict="skip") for id in ("a", "d", "d")]
    assert [(call.value, call.written) for call in calls] == [("a", False), ("d", True), ("d", False)]
    assert contents(filled) == {"a": "old a", "b": "old b", "c": "old c", "d": "new"}


# All or nothing


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda batch: batch.add("x", id="b"), DuplicateIdError),
        (lambda batch: batch.update("nobody", content="x"), RecordNotFoundError),
        (lambda batch: batch.supersede("nobody", "x"), RecordNotFoundError),
        (lambda batch: batch.check("b", if_version=0), ConflictError),
        (lambda batch: batch.put("x", id="b", if_version=0), ConflictError),
        (lambda batch: batch.update("b", content="x", if_version=9**9), ConflictError),
        (lambda batch: batch.supersede("b", "x", if_version=9**9), ConflictError),
        (lambda batch: batch.delete("b", if_version=9**9), ConflictError),
        (lambda batch: batch.journal("log").append("x", if_last=9**9), ConflictError),
        (lambda batch: batch.journal("log").put("key", "x", if_number=9**9), ConflictError),
        (lambda batch: batch.journal("log").clear(if_last=9**9), ConflictError),
        (lambda batch: batch.put("x", embedding=[1.0, 2.0, 3.0]), agentmem.DimensionMismatchError),
    ],
)
def test_one_call_that_fails_undoes_all(
    filled: MemoryStore, call: Callable[[Any], object], error: type[AgentMemError]
) -> None:
    """The error says which call it was."""
    filled.update("c", embedding=[1.0])
    number = filled.journal("log").append("before")
    before, kept = contents(filled), version(filled, "a")
    with pytest.raises(error) as caught, filled.batch() as batch:
        batch.put("new", id="a")
        batch.journal("log").append("new")
        call(batch)
        batch.delete("c")
    assert caught.value.at == 2
    assert (contents(filled), version(filled, "a")) == (before, kept)
    assert [(entry.number, entry.value) for entry in filled.journal("log").read()] == [(number, "before")]
    assert filled.verify()


def test_a_conflict_says_what_was_found(filled: MemoryStore) -> None:
    with pytest.raises(ConflictError) as caught, filled.batch() as batch:
        batch.check("a", if_version=version(filled, "a"))
        batch.check("b", if_version=9**9)
    error = caught.value
    assert (error.at, error.id, error.expected, error.found) == (1, "b", 9**9, version(filled, "b"))


def test_conditions_are_about_the_store_before_the_batch(filled: MemoryStore) -> None:
    """Whatever their place: also those that stand after a write of the same record."""
    seen = version(filled, "a")
    with filled.batch() as batch:
        batch.update("a", content="one", if_version=seen)
        batch.update("a", content="two", if_version=seen)
        batch.put("new", id="d", if_version=0)
        batch.check("d", if_version=0)
        batch.check("a", if_version=seen)
        batch.journal("log").append(1, if_last=0)
        batch.journal("log").append(2, if_last=0)
        batch.journal("log").put("key", 1, if_number=0)
        batch.journal("log").put("key", 2, if_number=0)
    assert contents(filled)["a"] == "two"
    assert [entry.value for entry in filled.journal("log").read()] == [1, 2]
    assert filled.journal("log").get("key") == 2


def test_a_condition_comes_before_a_write_that_would_fail(filled: MemoryStore) -> None:
    """All conditions are checked first."""
    with pytest.raises(ConflictError) as caught, filled.batch() as batch:
        batch.add("x", id="a")
        batch.check("b", if_version=0)
    assert caught.value.at == 1


def test_check_needs_a_condition_and_writes_nothing(filled: MemoryStore) -> None:
    before = filled.changes(limit=0).cursor
    with filled.batch() as batch:
        batch.check("a", if_version=version(filled, "a"))
        batch.check("nobody", if_version=0)
    assert filled.changes(limit=0).cursor == before
    for wrong in ({}, {"if_version": None}):
        with pytest.raises((TypeError, InvalidRecordError, InvalidFilterError)), filled.batch() as batch:
            batch.check("a", **wrong)


def test_an_exception_inside_sends_nothing(filled: MemoryStore) -> None:
    with pytest.raises(ZeroDivisionError), filled.batch() as batch:
        batch.delete("a")
        batch.journal("log").append(1)
        raise ZeroDivisionError
    assert len(contents(filled)) == 3
    assert filled.journal("log").read() == []


@pytest.mark.parametrize(
    "call",
    [
        lambda batch: batch.add(5),
        lambda batch: batch.add("x", importance=5),
        lambda batch: batch.add("x", ttl=-1),
        lambda batch: batch.add("x", ttl=1, expires_at=START),
        lambda batch: batch.add("x", on_conflict="perhaps"),
        lambda batch: batch.put("x", id="a", if_version=-1),
        lambda batch: batch.update("a", content=5),
        lambda batch: batch.update(5, content="x"),
        lambda batch: batch.update("a", ttl=1, expires_at=None),
        lambda batch: batch.supersede("a", None),
        lambda batch: batch.delete(),
        lambda batch: batch.delete(["a", "b"], if_version=1),
        lambda batch: batch.delete(where={"year": {"$near": 1}}),
        lambda batch: batch.touch(5),
        lambda batch: batch.touch("a", ttl=0),
        lambda batch: batch.check("a", if_version="1"),
        lambda batch: batch.check(5, if_version=1),
        lambda batch: batch.journal("").append(1),
        lambda batch: batch.journal("log").append({1, 2}),
        lambda batch: batch.journal("log").put(5, 1),
        lambda batch: batch.journal("log").prune(),
        lambda batch: batch.journal("log").delete(),
    ],
)
def test_bad_input_changes_nothing(filled: MemoryStore, call: Callable[[Any], object]) -> None:
    """It is said at the call or when the block ends."""
    before = filled.list()
    with pytest.raises((InvalidRecordError, InvalidFilterError)), filled.batch() as batch:
        batch.delete("a")
        call(batch)
    assert filled.list() == before


def test_an_empty_batch_is_no_transaction(path: Path) -> None:
    """Not even in a store that cannot be written."""
    agentmem.open(path).close()
    with agentmem.open(path, read_only=True) as store:
        with store.batch():
            pass
        with pytest.raises(agentmem.StoreReadOnlyError), store.batch() as batch:
            batch.add("x")


def test_a_closed_store_takes_no_batch(filled: MemoryStore) -> None:
    with pytest.raises(agentmem.StoreClosedError), filled.batch() as batch:
        batch.delete("a")
        filled.close()


# One thread of one process, once


def test_a_batch_is_sent_once(filled: MemoryStore) -> None:
    with filled.batch() as batch:
        batch.put("new", id="a")
    log = batch.journal
    for call in (
        lambda: batch.put("x", id="b"),
        lambda: batch.delete("a"),
        lambda: log("log").append(1),
        batch.__enter__,
    ):
        with pytest.raises(BatchError):
            call()
    assert contents(filled) == {"a": "new", "b": "old b", "c": "old c"}


def test_a_batch_that_failed_is_not_sent_again(filled: MemoryStore) -> None:
    def fail(batch: Any) -> None:
        batch.delete("a")
        raise ZeroDivisionError

    batch = filled.batch()
    with pytest.raises(ZeroDivisionError), batch:
        fail(batch)
    with pytest.raises(BatchError), batch:
        pass
    with pytest.raises(BatchError):
        batch.delete("b")
    conflict = filled.batch()
    with pytest.raises(ConflictError), conflict:
        conflict.check("a", if_version=0)
    with pytest.raises(BatchError), conflict:
        pass
    assert len(contents(filled)) == 3


def test_a_batch_belongs_to_one_thread(filled: MemoryStore) -> None:
    raised: list[BaseException] = []

    def work(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    with filled.batch() as batch:
        batch.put("new", id="a")
        calls = [lambda: batch.put("x", id="b"), lambda: batch.journal("log").append(1)]
        for call in calls:
            thread = threading.Thread(target=work, args=(call,))
            thread.start()
            thread.join()
    assert [type(error) for error in raised] == [BatchError] * 2
    assert contents(filled) == {"a": "new", "b": "old b", "c": "old c"}
    assert filled.journal("log").read() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_send_its_parents_batch(filled: MemoryStore) -> None:
    """Nor add to it; the parent sends it as if nothing had happened."""
    batch = filled.batch()
    batch.__enter__()
    batch.journal("log").append("once")
    pid = os.fork()
    if pid == 0:
        refused = 0
        for call in (lambda: batch.put("x", id="a"), lambda: batch.__exit__(None, None, None)):
            try:
                call()
            except BatchError:
                refused += 1
            except BaseException:
                os._exit(9)
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    batch.__exit__(None, None, None)
    assert [entry.value for entry in filled.journal("log").read()] == ["once"]


def test_two_batches_at_once_are_two(filled: MemoryStore) -> None:
    with filled.batch() as one, filled.batch() as two:
        one.put("by one", id="a")
        two.put("by two", id="b")
    assert contents(filled) == {"a": "by one", "b": "by two", "c": "old c"}


def test_a_batch_error_is_an_error_of_agentmem() -> None:
    assert issubclass(BatchError, AgentMemError)
    assert not issubclass(BatchError, RuntimeError)


# What belongs together


def test_texts_are_embedded_together_before_the_transaction(path: Path) -> None:
    asked: list[list[str]] = []

    def embed(texts: list[str]) -> list[list[float]]:
        asked.append(list(texts))
        return [[float(len(text)), 1.0] for text in texts]

    with agentmem.open(path, embedder=embed) as store:
        with store.batch() as batch:
            batch.add("one", id="a")
            batch.put("three", id="b")
            batch.update("a", content="seven")
            batch.supersede("b", "eleven")
            assert asked == []
        assert asked == [["one", "three", "seven", "eleven"]]
        assert store.get("a").embedding == (5.0, 1.0)  # type: ignore[union-attr]
        assert store.get("b").embedding == (6.0, 1.0)  # type: ignore[union-attr]


def test_a_write_skew_is_prevented_by_a_check(filled: MemoryStore) -> None:
    """One deletes an entity, the other relates to it: only one of the two can come to pass."""
    seen = version(filled, "a")
    filled.delete("a")
    with pytest.raises(ConflictError) as caught, filled.batch() as batch:
        batch.check("a", if_version=seen)
        batch.add("b knows a", id="relation")
    assert caught.value.found == 0
    assert "relation" not in contents(filled)


def test_threads_whose_batches_conflict_harm_no_other(path: Path) -> None:
    """Writers share transactions; a conflict fails one of them, and all others are written once."""
    with agentmem.open(path) as store:
        store.add("there", id="there")
        failed: list[ConflictError] = []

        def work(number: int) -> None:
            for turn in range(20):
                try:
                    with store.batch() as batch:
                        batch.add("new", id=f"{number}-{turn}")
                        batch.journal("log").append([number, turn])
                        if number % 2:
                            batch.check("there", if_version=0)
                except ConflictError as error:
                    failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = sorted([number, turn] for number in (0, 2, 4, 6) for turn in range(20))
        assert len(failed) == 80
        assert sorted(entry.value for entry in store.journal("log").read()) == expected
        assert store.count() == 81
        assert store.verify()


def test_a_large_batch(quick: MemoryStore) -> None:
    with quick.batch() as batch:
        calls = [batch.add(f"note {n}", id=str(n)) for n in range(3000)]
        numbers = [batch.journal("log").append(n) for n in range(3000)]
    assert quick.count() == 3000
    versions = [call.version for call in calls]
    assert versions == sorted(set(versions))
    assert [entry.number for entry in quick.journal("log").read()] == [call.value for call in numbers]
    assert len(quick.search("note 2999", 5000)) == 3000
