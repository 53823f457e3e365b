"""Store files that somebody else has changed or damaged, see `fuzz/crafted.py`."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz.crafted import CORPUS, FILES

import agentmem
from agentmem import CorruptStoreError, MemoryStore, NotAStoreError, SchemaTooNewError

# Refused when they are opened, and why.
REFUSED: dict[str, tuple[type[Exception], str]] = {
    "trigger": (NotAStoreError, 'the trigger "evil"'),
    "view_shadows_table": (NotAStoreError, 'the view "journals"'),
    "generated_column": (NotAStoreError, 'the table "evil"'),
    "text": (NotAStoreError, "not an SQLite database"),
    "other_program": (NotAStoreError, "another program"),
    "newer": (SchemaTooNewError, "version 99"),
    "header_alone": (CorruptStoreError, "malformed"),
    "broken_schema": (CorruptStoreError, "schema"),
    "cut": (CorruptStoreError, "malformed"),
    "torn_schema": (CorruptStoreError, "malformed"),
}
# Opened with index="disk", which reads no record for that. verify() names what is damaged, or raises.
DAMAGED = [
    "torn_records",
    "endless_records",
    "out_of_order",
    "huge_cell",
    "column_type",
    "expiry_flipped",
    "totals_type",
    "journal_value",
    "journal_key_type",
    "full_text",
]
# Opened, and sound.
SOUND = ["endless_deletion", "numbers_used_up", "segment_elsewhere", "sound"]


def crafted(name: str, path: Path) -> Path:
    """A copy of a file of the corpus."""
    shutil.copy(CORPUS / name, path)
    return path


def test_the_corpus_is_what_the_script_makes() -> None:
    kept = {path.name for path in CORPUS.iterdir()}
    assert kept == set(FILES) == {*REFUSED, *DAMAGED, *SOUND}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused_stays_as_it_was(name: str, read_only: bool, path: Path) -> None:
    crafted(name, path)
    before = path.read_bytes()
    error, why = REFUSED[name]
    with pytest.raises(error, match=why):
        agentmem.open(path, read_only=read_only)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_told(name: str, path: Path) -> None:
    with agentmem.open(crafted(name, path), index="disk") as store, contextlib.suppress(CorruptStoreError):
        assert store.verify().problems


@pytest.mark.parametrize("index", ["memory", "disk"])
@pytest.mark.parametrize("name", [*DAMAGED, *SOUND])
def test_whatever_is_damaged_every_call_works_or_says_so(name: str, index: str, path: Path) -> None:
    allowed: list[type[Exception]] = [CorruptStoreError]
    if name == "numbers_used_up":  # SQLite takes it for a full disk
        allowed.append(agentmem.StorePathError)
    try:
        store = agentmem.open(crafted(name, path), index=index)
    except CorruptStoreError:
        return
    with store:
        for call in CALLS:
            with contextlib.suppress(*allowed):
                call(store)


CALLS: list[Callable[[MemoryStore], object]] = [
    lambda store: store.count(),
    lambda store: store.list(include_private=True),
    lambda store: store.get("note-1"),
    lambda store: store.history("lives"),
    lambda store: store.search("alice uuid"),
    lambda store: store.changes(),
    lambda store: store.stats(),
    lambda store: store.verify(),
    lambda store: store.journals(),
    lambda store: store.journal("sessions/42").read(),
    lambda store: store.journal("sessions/42").read(skip_damaged=True),
    lambda store: store.journal("sessions/42").items(),
    lambda store: store.add("alice was here"),
    lambda store: store.update("note-1", content="changed"),
    lambda store: store.supersede("lives", "Alice lives in Oslo."),
    lambda store: store.journal("log").append("alice"),
    lambda store: store.journal("log").put("key", "alice"),
    lambda store: store.purge(),
    lambda store: store.rebuild(),
]


def test_a_store_whose_numbers_are_used_up_writes_nothing_more(path: Path) -> None:
    with agentmem.open(crafted("numbers_used_up", path)) as store:
        before = store.list()
        writes: list[Callable[[], object]] = [
            lambda: store.add("one more"),
            lambda: store.supersede("lives", "Alice lives in Oslo."),
            lambda: store.journal("log").append(1),
            lambda: store.journal("log").put("key", 1),
        ]
        for write in writes:
            with pytest.raises(agentmem.StorePathError, match=r"full|used up"):
                write()
        assert store.list() == before
        assert store.verify()


def test_a_damaged_entry_is_named_and_can_be_removed(path: Path) -> None:
    with agentmem.open(crafted("journal_value", path)) as store:
        journal = store.journal("sessions/42")
        with pytest.raises(CorruptStoreError, match="entry 1 of journal"):
            journal.read()
        assert journal.read(skip_damaged=True) == []
        assert journal.get("k") == b"\x00\xff"
        (problem,) = store.verify().problems
        assert problem.startswith('entry 1 of journal "sessions/42"')
        journal.delete(numbers=[1])
        assert store.verify()


def test_a_damaged_expiry_deletes_no_record(path: Path) -> None:
    with agentmem.open(crafted("expiry_flipped", path)) as store:
        store.purge()
        assert store.get("lives") is not None


def test_a_damaged_full_text_is_derived_anew(path: Path) -> None:
    with agentmem.open(crafted("full_text", path), index="disk") as store:
        with pytest.raises(CorruptStoreError):
            store.search("alice")
        store.rebuild()
        assert store.search("alice")
        assert store.verify()


def test_an_index_file_has_no_say_where_it_is(path: Path) -> None:
    victim = path.with_name("victim.seg")
    victim.write_bytes(b"not of agentmem")
    with agentmem.open(crafted("segment_elsewhere", path)) as store:
        assert store.search("alice")
        store.rebuild()
    assert victim.read_bytes() == b"not of agentmem"
