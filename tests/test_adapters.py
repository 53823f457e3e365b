"""What adapters share: ids and scopes from keys, clean text, retries on conflict."""

from __future__ import annotations

import asyncio
import copy
import gc
import time
import weakref
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentmem
from agentmem import ConflictError, Hit, MemoryStore
from agentmem._adapters import (
    Adapter,
    AsyncWithStore,
    WithStore,
    clean,
    completed,
    contains,
    distinct,
    excerpt,
    journal_name,
    key_id,
    memory_line,
    relevant,
    require,
    retry_on_conflict,
    scope_part,
    to_json,
)

# Any text that a framework may use as a name, with what is special in scopes more often than by chance.
anything = st.text(st.one_of(st.characters(), st.sampled_from("/%. \0\n\ud800é")), max_size=300)


def test_an_adapter_closes_only_what_it_opened(tmp_path: Path) -> None:
    with agentmem.open(tmp_path / "a.db") as store:
        Adapter(store).close()
        assert not store.closed
    own = Adapter(tmp_path / "a.db")
    own.close()
    assert own._store.closed
    assert own.store.count() == 0, "it opens again"
    assert copy.deepcopy(own) is own
    assert copy.copy(own) is own
    own.close()


class Kept(WithStore):
    def __init__(self, path: Path) -> None:
        self._adapter = Adapter(path)


class KeptAsync(AsyncWithStore):
    def __init__(self, path: Path) -> None:
        self._adapter = Adapter(path)


def test_a_class_with_a_store_closes_it_and_opens_it_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a.db")
    store = kept.store
    kept.close()
    assert store.closed
    assert kept.store.count() == 0
    kept.close()


def test_an_async_block_closes_the_store_at_its_end(tmp_path: Path) -> None:
    async def main() -> MemoryStore:
        async with KeptAsync(tmp_path / "a.db") as kept:
            assert kept.store.count() == 0
            return kept.store

    assert asyncio.run(main()).closed


def test_adapters_on_one_file_share_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGENTMEM_PATH", raising=False)
    one, other, default = Adapter(tmp_path / "agentmem.db"), Adapter("agentmem.db"), Adapter()
    assert one.store is other.store is default.store
    assert Adapter(tmp_path / "b.db").store is not one.store
    one.close()
    one.close()
    other.close()
    assert default.store.count() == 0
    default.close()
    assert default._store.closed
    assert one.store is other.store, "they open it again"
    one.close()
    other.close()


def test_a_file_that_replaces_a_deleted_one_has_a_store_of_its_own(tmp_path: Path) -> None:
    old = Adapter(tmp_path / "a.db")
    old.store.add("old")
    for file in tmp_path.glob("a.db*"):
        file.unlink() if file.is_file() else None
    new = Adapter(tmp_path / "a.db")
    assert new.store is not old.store
    assert new.store.count() == 0
    new.close()


def test_a_store_that_no_adapter_closed_closes_with_the_last(tmp_path: Path) -> None:
    store = weakref.ref(Adapter(tmp_path / "a.db").store)
    gc.collect()
    assert store() is None


def test_a_bad_path_raises_at_once(tmp_path: Path) -> None:
    with pytest.raises(agentmem.StorePathError):
        Adapter(tmp_path / "missing" / "a.db")


@given(st.lists(anything, max_size=4), st.lists(anything, max_size=4))
def test_different_keys_have_different_ids(one: list[str], other: list[str]) -> None:
    assert (key_id(*one) == key_id(*other)) == (one == other)


def test_ids_of_keys_never_change() -> None:
    assert key_id("users", "alice") == "e6589f2b-11c6-5fde-8e5a-6520cf1c14c1"


@given(anything)
def test_any_name_is_one_part_of_a_scope(name: str) -> None:
    part = scope_part(name)
    record = agentmem.Record("text", scope=f"/a/{part}")
    assert record.scope == f"/a/{part}"
    assert len(part.encode()) <= 200


@given(anything, anything)
def test_different_names_have_different_parts(one: str, other: str) -> None:
    assert (scope_part(one) == scope_part(other)) == (one == other)


@pytest.mark.parametrize("name", ["alice", "Alice Smith", "研究员", "a.b", "user@example.com"])
def test_plain_names_stay_as_they_are(name: str) -> None:
    assert scope_part(name) == name


@given(st.lists(anything, min_size=1, max_size=4))
def test_any_key_names_a_journal(store_parts: list[str]) -> None:
    name = journal_name(*store_parts)
    assert 0 < len(name.encode()) <= 1024
    assert "\0" not in name


@given(anything)
def test_clean_text_is_content(text: str) -> None:
    assert agentmem.Record(clean(text)).content == clean(text)


def test_clean_leaves_ordinary_text_alone() -> None:
    assert clean("Grüße 👋\n") == "Grüße 👋\n"
    assert clean("a\0b\ud800c") == "a\ufffdb\ufffdc"


def test_distinct_names_stay_distinct_and_can_be_names_again() -> None:
    names = ["a\0", "a\ud800", "a\udfff", "a\ufffd", "a", "\0a"]
    kept = [distinct(name) for name in names]
    assert len(set(kept)) == len(names)
    assert [distinct(name) for name in kept] == kept
    assert kept[3:5] == names[3:5]
    assert kept == [clean(name) for name in kept]
    assert len(to_json(dict.fromkeys(names, 1))) == len(names)


def test_json_keeps_what_it_can_hold() -> None:
    value = {"n": 1, "x": 1.5, "list": (1, {2}), 3: None, "big": 2**70, "nan": float("nan"), "o": Path("x")}
    expected = {"n": 1, "x": 1.5, "list": [1, [2]], "3": None, "big": str(2**70), "nan": "nan", "o": "x"}
    assert to_json(value) == expected


def test_a_conflict_is_retried_until_the_write_succeeds(tmp_path: Path) -> None:
    with agentmem.open(tmp_path / "a.db") as store:
        store.put("0", id="n")
        interferences = iter(["1", "2"])

        @retry_on_conflict
        def increment() -> None:
            record = store.get("n")
            assert record is not None
            if (other := next(interferences, None)) is not None:
                store.put(other, id="n")
            store.put(str(int(record.content) + 1), id="n", if_version=record.version)

        increment()
        found = store.get("n")
        assert found is not None
        assert found.content == "3"


def test_a_conflict_that_never_ends_is_raised() -> None:
    @retry_on_conflict
    def lose() -> None:
        raise ConflictError("always")

    with pytest.raises(ConflictError):
        lose()


def test_a_cancelled_caller_waits_until_its_write_has_ended() -> None:
    written = []

    def write() -> None:
        time.sleep(0.2)
        written.append("kept")

    async def run() -> None:
        caller = asyncio.create_task(completed(asyncio.to_thread(write)))
        for _ in range(2):
            await asyncio.sleep(0.02)
            caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert written == ["kept"]

    asyncio.run(run())


@pytest.mark.parametrize("cancel", [False, True])
def test_a_write_that_fails_tells_its_caller(cancel: bool) -> None:
    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("refused")

    async def run() -> None:
        caller = asyncio.create_task(completed(fail()))
        await asyncio.sleep(0)
        if cancel:
            caller.cancel()
        with pytest.raises(asyncio.CancelledError if cancel else ValueError):
            await caller

    asyncio.run(run())


def test_only_what_answers_is_relevant_and_recalled(tmp_path: Path) -> None:
    with agentmem.open(tmp_path / "a.db") as store:
        adapter = Adapter(store)
        texts = ["The deploy status is ready.", "The deploy is ready.", "Ready.", "The car is in the garage."]
        adapter.remember(agentmem.Record(text, id=text, scope="/a") for text in texts)
        adapter.remember([agentmem.Record("Changed.", id="Ready.", scope="/a")])
        assert {record.content for record in store.list()} == set(texts), "what is there stays as it is"
        found = store.search("deploy status ready")
        assert [hit.record.content for hit in found] == texts[:3]
        assert relevant(found) == found[:2]
        assert [hit.record.content for hit in adapter.recall("deploy status ready", 10, "/a")] == texts[:2]
        other = store.search("Where did the garage band play?")
        assert other
        assert relevant(other) == relevant([]) == adapter.recall("deploy", 10, "/b") == []


def test_a_memory_is_a_line_with_its_day_and_speaker() -> None:
    said = agentmem.Record("I moved.", created_at="2026-05-01T12:00Z", metadata={"role": "user"})
    assert memory_line(Hit(said, 1.0)) == "- 2026-05-01, user: I moved."
    note = agentmem.Record("Tea.", created_at="2026-05-01")
    assert memory_line(Hit(note, 1.0)) == "- 2026-05-01, note: Tea."


def test_of_a_long_memory_a_prompt_has_the_passage_that_answers(tmp_path: Path) -> None:
    with agentmem.open(tmp_path / "memory.db") as store:
        store.add("nothing of interest " * 20_000 + "The kayak is red. " + "and so on " * 20_000)
        (hit,) = store.search("kayak")
    shown = excerpt(hit)
    assert "The kayak is red." in shown
    assert shown[0] == shown[-1] == "…"
    assert len(shown) == 4002


def test_a_missing_framework_is_named_with_its_extra() -> None:
    with pytest.raises(ImportError, match=r"^no-such is not installed; agentmem supports") as missing:
        require("no_such", extra="guest", package="no-such", at_least="1.2", below="3")
    assert str(missing.value).endswith("no-such >= 1.2, < 3; pip install 'agentmem-db[guest]'")


def test_a_framework_that_does_not_import_is_named_with_the_reason() -> None:
    with pytest.raises(ImportError, match=r"^pytest cannot be imported \(No module named 'no_such'\)"):
        require("no_such", extra="guest", package="pytest", at_least="1.2", below="1000")


@pytest.mark.parametrize(("at_least", "below"), [("999", "1000"), ("0.0", "0.1")])
def test_an_unsupported_version_is_named(at_least: str, below: str) -> None:
    with pytest.raises(ImportError, match=r"pytest \d.* is installed, but agentmem supports pytest"):
        require("pytest", extra="guest", package="pytest", at_least=at_least, below=below)


def test_a_supported_version_is_imported() -> None:
    assert require("pytest", extra="guest", package="pytest", at_least="7.0", below="1000") is pytest


@pytest.mark.parametrize("inner", ["/a", "/a/b"])
def test_a_scope_contains_itself_and_what_is_below(inner: str) -> None:
    assert contains("/a", inner)
    assert contains("/", inner)


@pytest.mark.parametrize("other", ["/ab", "/b", "/"])
def test_a_scope_contains_nothing_else(other: str) -> None:
    assert not contains("/a", other)
