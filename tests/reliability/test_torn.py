"""Files that are cut, lost or damaged: a store shows a moment of its history, or says that it is damaged."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import agentmem

Moment = dict[str, dict[str, object]]
READER = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1])
conn.execute("BEGIN")
conn.execute("SELECT count(*) FROM records").fetchone()
print("reading", flush=True)
sys.stdin.read()
"""
WAL_HEADER, FRAME_HEADER = 32, 24


@dataclass
class History:
    """A database whose write-ahead log holds all that was done, and what the store showed after each
    commit.
    """

    database: bytes
    log: bytes
    moments: list[tuple[int, Moment]]
    """Length of the log at each commit, and the records then."""

    def at(self, length: int) -> Moment:
        """The records when the log was whole up to this length."""
        return [moment for end, moment in self.moments if end <= length][-1]

    def frames(self) -> list[int]:
        """Where each frame ends."""
        (page,) = struct.unpack(">I", self.log[8:12])
        return list(range(WAL_HEADER, len(self.log) + 1, FRAME_HEADER + page))

    def write(self, path: Path, log: bytes) -> None:
        """As a crash would leave it: without the -shm file, which only lives as long as the machine runs."""
        path.write_bytes(self.database)
        path.with_name(path.name + "-wal").write_bytes(log)


def shown(store: agentmem.MemoryStore) -> Moment:
    """Everything the store says of its records, of their pasts, and of its journals."""
    found: Moment = {}
    for record in store.list(None, include_private=True):
        past = [old.content for old in store.history(record.id, include_private=True)[:-1]]
        found[record.id] = {**record.to_dict(), "past": past}
    for name in store.journals():
        journal = store.journal(name)
        for one in [*journal.read(), *journal.items()]:
            found[f"{name} {one.number}"] = {"content": "", "key": one.key, "value": one.value}
    return found


@contextlib.contextmanager
def reader_elsewhere(path: Path) -> Iterator[None]:
    """Another process reads the state of now: until it ends, nothing is moved from the log into the file."""
    command = [sys.executable, "-c", READER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        yield


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Adds, batches, updates, deletes, journals, a reset, a rebuild: each a commit."""
    path = tmp_path_factory.mktemp("history") / "memory.db"
    with agentmem.open(path) as store:
        store.add_many([{"id": f"old{n}", "content": f"an old note {n}"} for n in range(20)])
    database, log = path.read_bytes(), path.with_name("memory.db-wal")
    chance = random.Random(1)
    with agentmem.open(path) as store, reader_elsewhere(path):
        moments = [(0, shown(store))]
        for n in range(40):
            ids = [record.id for record in store.list(None, include_private=True)]
            work = n % 8
            if work in (0, 4):
                store.add(
                    f"note {n} of word{n}", id=f"n{n}", metadata={"n": n}, private=n % 3 == 0, source="me"
                )
            elif work in (1, 5):
                store.add_many(
                    [{"id": f"b{n}-{i}", "content": f"batch {n} of {i} " * i} for i in range(1, 9)]
                )
            elif work in (2, 6):
                store.update(chance.choice(ids), content=f"updated at {n}", embedding=[1.0, n])
            elif n == 11:
                store.supersede(ids[0], f"superseded note {n}")
            elif n == 19:
                store.journal("log").pop()
            elif work == 3:
                with store.batch() as batch:
                    batch.delete(chance.sample(ids, 3))
                    batch.put(f"batched note {n}", id=f"t{n}", expires_at="2199-01-01")
                    batch.journal("log").extend([n, {"n": [n]}])
                    batch.journal("log").put("newest", n)
            elif n == 23:
                store.rebuild()
            elif n == 31:
                store.reset()
            else:
                store.touch(ids[:3])
            moments.append((log.stat().st_size, shown(store)))
        result = History(database, log.read_bytes(), moments)
        assert path.read_bytes() == database, "the log was moved into the file while the history was recorded"
    assert len(result.frames()) > 100
    return result


def check(path: Path, expected: Moment, figures: Counter[str], reads: bool = False) -> None:
    """It opens, shows this moment, and everything derived agrees."""
    figures["torn stores opened"] += 1
    mode = "disk" if reads else "memory"
    with agentmem.open(path, index=mode) as store:
        assert shown(store) == expected
        report = store.verify()
        assert report, report.problems
        found = {hit.record.id for hit in store.search("note", 200, mode="bm25", include_private=True)}
        assert found == {id for id, record in expected.items() if "note" in str(record["content"])}


def test_log_cut_at_every_frame_and_within(history: History, tmp_path: Path, figures: Counter[str]) -> None:
    """All that was committed before the cut is there, and nothing else."""
    borders = history.frames()
    inside = [random.randrange(start + 1, end) for start, end in itertools.pairwise(borders)]
    for number, cut in enumerate(sorted({*borders, *inside, 0, 7, WAL_HEADER - 1})):
        path = tmp_path / f"{number}.db"
        history.write(path, history.log[:cut])
        check(path, history.at(cut), figures, reads=number % 4 == 0)


def test_log_with_flipped_bits(
    history: History, tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """Nothing from the damaged frame on is believed."""
    borders = history.frames()
    for number in rounds(150, share=0.05):
        damaged = bytearray(history.log)
        at = random.randrange(len(damaged))
        damaged[at] ^= 1 << random.randrange(8)
        path = tmp_path / f"{number}.db"
        history.write(path, bytes(damaged))
        whole = max((end for end in borders if end <= at), default=0)
        check(path, history.at(whole), figures)


def test_shared_memory_file_lost_or_full_of_rubbish(
    history: History, tmp_path: Path, figures: Counter[str]
) -> None:
    """It is made anew."""
    for number, rubbish in enumerate([b"", b"\0" * 32768, os.urandom(32768), b"short"]):
        path = tmp_path / f"{number}.db"
        history.write(path, history.log)
        path.with_name(path.name + "-shm").write_bytes(rubbish)
        check(path, history.moments[-1][1], figures)


def test_killed_while_the_log_was_moved_into_the_file(
    history: History, tmp_path: Path, figures: Counter[str]
) -> None:
    """The first page may say that there are more pages than the file has yet: the log has them all."""
    history.write(tmp_path / "memory.db", history.log)
    agentmem.open(tmp_path / "memory.db").close()
    after = (tmp_path / "memory.db").read_bytes()
    assert len(after) > len(history.database)
    for number, done in enumerate(range(4096, len(after), 4096 * 3)):
        path = tmp_path / f"{number}.db"
        history.write(path, history.log)
        path.write_bytes(after[:done] + history.database[done:])
        check(path, history.moments[-1][1], figures)


def test_log_lost(history: History, tmp_path: Path, figures: Counter[str]) -> None:
    """What was in the file before stays."""
    path = tmp_path / "memory.db"
    path.write_bytes(history.database)
    check(path, history.moments[0][1], figures)


def test_flipped_bits_in_the_database(
    tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """A store that calls itself sound shows what was written, and finds it.

    The checksums of the records leave out when each was last accessed, and that alone may be wrong.
    """
    whole = tmp_path / "memory.db"
    with agentmem.open(whole) as store:
        store.add_many({**note(n), "expires_at": f"2199-01-01T00:00:{n % 60:02}Z"} for n in range(60))
        store.journal("log").extend([f"a value of some length {n}" for n in range(40)])
        expected = written(store)
        words = {word: found_by(store, word) for word in ["note", "word7", "common", "group3"]}
    image = whole.read_bytes()
    for number in rounds(300, share=0.1):
        damaged = bytearray(image)
        flips = random.choice([1, 1, 1, 20, 4096])
        for _ in range(flips):
            damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
        path = tmp_path / f"{number}.db"
        path.write_bytes(damaged)
        figures["damaged databases opened"] += 1
        try:
            with agentmem.open(path, index="disk" if number % 2 else "memory") as store:
                right = written(store) == expected
                right = right and all(found_by(store, word) == found for word, found in words.items())
                assert right or not store.verify(), f"wrong and not noticed: {path}"
        except (agentmem.CorruptStoreError, agentmem.NotAStoreError, agentmem.SchemaTooNewError):
            figures["damaged databases refused"] += 1
        path.unlink()


@pytest.mark.parametrize(
    "change",
    [
        "content = content || '.'",
        "created_at = created_at + 1",
        "importance = 0.1",
        "metadata = NULL",
        "scope = (SELECT id FROM scopes WHERE path = '/b')",
        "scope = 99",
        "private = 1, source = 'me'",
        "id = 'another'",
    ],
)
def test_a_record_that_another_program_changed(tmp_path: Path, change: str) -> None:
    """Every way to read it says so, and it can be deleted."""
    import sqlite3

    path = tmp_path / "memory.db"
    with agentmem.open(path) as store:
        store.add("some text", id="changed", scope="/a", metadata={"x": 1})
        store.add("other text", id="other", scope="/b")
        store.touch("changed")
        assert store.verify()
    with sqlite3.connect(path) as conn:
        conn.execute(f"UPDATE records SET {change} WHERE id = 'changed'")
    conn.close()
    with agentmem.open(path) as store:
        report = store.verify()
        assert not report
        assert "checksum" in str(report.problems)
        for read in (
            lambda: store.list(include_private=True),
            lambda: store.search("some", include_private=True),
            lambda: [store.get(id, include_private=True) for id in ("changed", "another")],
        ):
            with pytest.raises(agentmem.CorruptStoreError, match="does not fit its checksum"):
                read()
        assert store.get("other").content == "other text"
        assert store.delete("changed") + store.delete("another") == 1
        store.rebuild()
        assert store.verify()


@pytest.mark.parametrize("index", ["memory", "disk"])
@pytest.mark.parametrize(
    "change", ["content = x'ff00'", "metadata = x'ff00'", "categories = '{'", "id = 1.5"]
)
def test_a_record_that_is_no_record(tmp_path: Path, index: str, change: str) -> None:
    """The store opens all the same, the other records are there, and what is broken can be deleted."""
    import sqlite3

    path = tmp_path / "memory.db"
    with agentmem.open(path, index=index) as store:
        store.add("some text", id="changed", scope="/a")
        store.add("other words", id="other")
    with sqlite3.connect(path) as conn:
        conn.execute(f"UPDATE records SET {change} WHERE id = 'changed'")
    conn.close()
    with agentmem.open(path, index=index) as store:
        assert "record number 1" in str(store.verify().problems)
        with pytest.raises(agentmem.CorruptStoreError):
            store.list()
        assert store.search("other")[0].record.id == "other"
        assert store.delete(scope="/a") == 1
        store.rebuild()
        assert store.verify()
        assert len(store.list()) == 1


@pytest.mark.parametrize("index", ["memory", "disk"])
@pytest.mark.parametrize("table", ["config", "data", "idx"])
@pytest.mark.parametrize("harm", ["DROP TABLE {}", "ALTER TABLE {} RENAME TO elsewhere", "UPDATE {} SET {}"])
def test_damaged_full_text(harm: str, table: str, index: str, tmp_path: Path) -> None:
    """verify() notices, whatever is said is said as damage, and all records can be saved."""
    import sqlite3

    path = tmp_path / "memory.db"
    with agentmem.open(path) as store:
        store.add_many([note(n) for n in range(20)])
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA writable_schema = ON")
        values = {"config": "v = 77", "data": "block = x'00'", "idx": "pgno = 77"}
        conn.execute(harm.format(f"records_fts_{table}", values[table]))
    conn.close()
    with agentmem.open(path, index=index) as store:
        try:
            assert not store.verify()
        except agentmem.CorruptStoreError as error:
            assert "skip_damaged" in str(error)  # noqa: PT017 (a report is as good)
        for work in (lambda: store.search("note"), lambda: store.add("more"), store.rebuild):
            with contextlib.suppress(agentmem.CorruptStoreError):
                work()
        assert store.export(tmp_path / "saved.jsonl") >= 20


def note(n: int) -> dict[str, object]:
    """A record that is long enough for a few pages to be full of texts."""
    return {"id": f"id{n}", "content": f"common note of word{n} in group{n % 7} " + f"filler{n} " * 20}


def written(store: agentmem.MemoryStore) -> dict[str, dict[str, object]]:
    """What `shown` says, but for when each record was last accessed."""
    return {place: {**row, "last_accessed": None} for place, row in shown(store).items()}


def found_by(store: agentmem.MemoryStore, word: str) -> list[list[str]]:
    """The terms of the texts that are found."""
    hits = store.search(word, 100, mode="bm25", include_private=True)
    return sorted(agentmem.analyze(hit.record.content) for hit in hits)


def test_damaged_index_files(
    tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """A flipped, cut, emptied, missing or foreign index file is noticed, and the index made anew from the
    records.
    """
    whole = tmp_path / "whole" / "memory.db"
    whole.parent.mkdir()
    with agentmem.open(whole, durability="normal") as store:
        store.add_many([f"common note{n} of group{n % 50}" for n in range(4500)])
    (file,) = (whole.parent / "memory.db-index").iterdir()
    foreign = os.urandom(file.stat().st_size)
    for number in rounds(30, share=0.05):
        path = tmp_path / str(number) / "memory.db"
        shutil.copytree(whole.parent, path.parent)
        target = path.parent / "memory.db-index" / file.name
        damage(target, number % 6, foreign)
        figures["damaged index files opened"] += 1
        with agentmem.open(path) as store:
            for n in random.sample(range(4500), 5):
                assert [hit.record.content for hit in store.search(f"note{n}", mode="bm25")] == [
                    f"common note{n} of group{n % 50}"
                ]
            assert len(store.search("group7 common", 200, mode="bm25")) == 200
            report = store.verify()
            if not report:  # Damaged where no search has looked yet.
                assert "damaged index segment" in report.problems[0]
                store.rebuild()
            assert store.verify()
        shutil.rmtree(path.parent)


def test_damaged_index_files_of_a_read_only_store(tmp_path: Path) -> None:
    """What may not be mended on disk is derived in memory."""
    path = tmp_path / "memory.db"
    with agentmem.open(path) as store:
        store.add_many([f"common note{n}" for n in range(4500)])
    (file,) = (tmp_path / "memory.db-index").iterdir()
    data = file.read_bytes()
    at = len(data) // 3
    file.write_bytes(data[:at] + bytes(byte ^ 1 for byte in data[at : at + 4096]) + data[at + 4096 :])
    with agentmem.open(path, read_only=True) as store:
        for n in range(0, 4500, 50):
            assert [hit.record.content for hit in store.search(f"note{n}", mode="bm25")] == [
                f"common note{n}"
            ]
        assert len(store.search("common", 5000, mode="bm25")) == 4500
        assert store.verify()


def damage(file: Path, kind: int, foreign: bytes) -> None:
    """One of the ways in which a file can be bad."""
    data = bytearray(file.read_bytes())
    if kind in (0, 1):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif kind == 2:
        del data[random.randrange(len(data)) :]
    elif kind == 3:
        data.clear()
    elif kind == 4:
        data[:] = foreign
    file.unlink()
    if kind != 5:
        file.write_bytes(data)


@pytest.mark.parametrize("length", [0, 8192])
def test_cut_short_while_open(length: int, tmp_path: Path) -> None:
    """Another program truncates the file of a store in use: that ends in an error, not in the process."""
    path = tmp_path / "memory.db"
    with agentmem.open(path) as store:
        store.add_many([note(n) for n in range(1000)])
    work = f"""
import agentmem, contextlib, os
store = agentmem.open({str(path)!r})
store.add("something in the log")
store.search("note"), store.list(1000)
os.truncate({str(path)!r}, {length})
for call in (lambda: store.list(1000), lambda: store.search("note"), store.verify, lambda: store.add("x")):
    with contextlib.suppress(agentmem.CorruptStoreError):
        call()
"""
    assert subprocess.run([sys.executable, "-c", work]).returncode == 0


def test_a_backup_in_the_place_of_a_store_that_crashed(history: History, tmp_path: Path) -> None:
    """As the README says: the files of the old store are moved away first, or its log would be replayed."""
    path, copy = tmp_path / "memory.db", tmp_path / "copy.db"
    with agentmem.open(tmp_path / "other.db") as store:
        store.add_many([note(n) for n in range(50)])
        expected = shown(store)
        store.backup(copy)
    history.write(path, history.log)
    (tmp_path / "broken").mkdir()
    for file in tmp_path.glob("memory.db*"):
        file.rename(tmp_path / "broken" / file.name)
    shutil.copy(copy, path)
    with agentmem.open(path) as store:
        assert shown(store) == expected
        assert store.verify()


def test_backup_and_rebuild_restore(tmp_path: Path) -> None:
    """A full text that lost everything is made anew by rebuild(); a backup replaces a store that is beyond
    repair.
    """
    import sqlite3

    path, copy = tmp_path / "memory.db", tmp_path / "copy.db"
    with agentmem.open(path) as store:
        store.add_many([note(n) for n in range(50)])
        expected = shown(store)
        store.backup(copy)
    with sqlite3.connect(path) as conn:
        conn.execute("INSERT INTO records_fts(records_fts) VALUES ('delete-all')")
    conn.close()
    with agentmem.open(path, index="disk") as store:
        assert not store.search("note", mode="bm25")
        assert not store.verify()
        assert store.rebuild() == 50
        assert store.verify()
        assert len(store.search("note", 100, mode="bm25")) == 50
    path.write_bytes(b"\0" * 8192)
    with pytest.raises(agentmem.NotAStoreError):
        agentmem.open(path)
    shutil.copy(copy, path)
    with agentmem.open(path) as store:
        assert shown(store) == expected
        assert store.verify()
