from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import agentmem
from agentmem import MemoryStore, Record


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add_many(
        [
            Record(
                "日本語 \u2028 and “quotes”\nand lines",
                id="a",
                metadata={"n": 0.1},
                categories=["x"],
                scope="/s",
            ),
            Record("old", id="b", created_at="0001-01-01", embedding=[0.1, -1e-30]),
            Record("secret", id="p", private=True, source="me"),
        ]
    )
    return store


def everything(store: MemoryStore) -> list[Record]:
    return store.list(include_private=True)


def test_there_and_back(filled: MemoryStore, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    assert filled.export(file, include_private=True) == 3
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
    lines = file.read_bytes().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b", "p"]
    with agentmem.open(tmp_path / "other.db") as other:
        imported = other.import_(file)
        assert (imported.written, imported.skipped) == (3, 0)
        assert everything(other) == everything(filled)
        assert len(other.search("quotes")) == 1
        assert other.verify()


def test_private_records_stay_unless_asked_for(filled: MemoryStore) -> None:
    assert filled.export("out.jsonl") == 2
    assert filled.export("out.jsonl", source="me") == 3
    assert filled.export("out.jsonl", scope="/s") == 1


def test_files(filled: MemoryStore, tmp_path: Path) -> None:
    out = io.BytesIO()
    assert filled.export(out, include_private=True) == 3
    with open(tmp_path / "text", "w") as text:
        filled.export(text, include_private=True)
    assert (tmp_path / "text").read_bytes() == out.getvalue()
    with agentmem.open(tmp_path / "other.db") as other:
        assert other.import_(io.BytesIO(out.getvalue())).written == 3
        with open(tmp_path / "text") as text:
            assert other.import_(text, on_conflict="skip").skipped == 3
    for wrong in (5, None):
        with pytest.raises(TypeError, match="must be a path or a file"):
            filled.export(wrong)  # type: ignore[arg-type]


def test_a_text_file_with_no_bytes_beneath(filled: MemoryStore, tmp_path: Path) -> None:
    text = io.StringIO()
    filled.export(text, include_private=True)
    text.seek(0)
    with agentmem.open(tmp_path / "other.db") as other:
        assert other.import_(text).written == 3
        assert everything(other) == everything(filled)


def test_a_text_file_is_read_from_where_it_was_read_up_to(filled: MemoryStore, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    filled.export(file, include_private=True)
    file.write_text("a heading\n" + file.read_text("utf-8"), "utf-8")
    with agentmem.open(tmp_path / "other.db") as other, open(file, encoding="utf-8") as lines:
        lines.readline()
        assert other.import_(lines).written == 3
        lines.seek(0)
        next(lines)
        assert other.import_(lines, on_conflict="skip").skipped == 3
    with agentmem.open(tmp_path / "third.db") as third, open(file, encoding="latin-1") as lines:
        lines.readline()
        assert third.import_(lines).written == 3
        assert everything(third) == everything(filled)


def test_no_database_and_no_folder_is_exported_over(filled: MemoryStore, tmp_path: Path) -> None:
    agentmem.open(tmp_path / "closed.db").close()
    with agentmem.open(tmp_path / "other.db") as other:
        other.add("of the other")
        closed = tmp_path / "closed.db"
        log = f"{other.path}-wal"
        for target in (filled.path, other.path, log, closed, tmp_path, "", tmp_path / "none" / "out.jsonl"):
            with pytest.raises(agentmem.StorePathError):
                filled.export(target)
        assert other.verify()
    assert filled.verify()
    assert not list(tmp_path.glob("*.part"))
    assert not list(tmp_path.glob(".agentmem-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Unix")
def test_a_pipe_stays_a_pipe(filled: MemoryStore, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_text, "utf-8")
        filled.export(pipe, include_private=True)
        assert read.result().count("\n") == 3
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="devices of Unix")
def test_the_output_of_a_command_goes_on(filled: MemoryStore, tmp_path: Path) -> None:
    script = "import agentmem, sys; agentmem.open(sys.argv[1]).export('/dev/stdout', include_private=True)"
    command = [sys.executable, "-c", script, filled.path]
    assert subprocess.run(command, capture_output=True, check=True).stdout.count(b"\n") == 3
    with open(tmp_path / "log", "wb") as log:
        log.write(b"before\n")
        log.flush()
        subprocess.run(command, stdout=log, check=True)
    assert (tmp_path / "log").read_bytes().startswith(b"before\n{")


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="a folder of Linux")
def test_a_folder_among_the_devices_is_a_folder(filled: MemoryStore) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for _ in range(2):
            assert filled.export(f"{folder}/out.jsonl", include_private=True) == 3
        assert Path(f"{folder}/out.jsonl").read_text("utf-8").count("\n") == 3


def test_a_byte_order_mark_is_passed_over(store: MemoryStore) -> None:
    assert store.import_(io.BytesIO(b"\xef\xbb\xbf" + Record("x").to_json().encode())).written == 1


def test_threads_export_to_one_file(filled: MemoryStore, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    with ThreadPoolExecutor(8) as pool:
        written = pool.map(lambda _: filled.export(file, include_private=True), range(24))
        assert list(written) == [3] * 24
    assert file.read_text("utf-8").count("\n") == 3


def test_the_last_of_one_id_replaces_the_others_however_near(store: MemoryStore) -> None:
    lines = [Record(f"version {n}", id=name).to_json() for n in range(3) for name in ("a", "b", "a")]
    assert store.import_(io.BytesIO("\n".join(lines).encode()), on_conflict="replace").written == 9
    assert [record.content for record in store.get_many(["a", "b"]) if record] == ["version 2", "version 2"]


def test_conflicts(filled: MemoryStore) -> None:
    filled.export("out.jsonl", include_private=True)
    with pytest.raises(agentmem.DuplicateIdError):
        filled.import_("out.jsonl")
    filled.update("a", content="changed")
    assert filled.import_("out.jsonl", on_conflict="skip").skipped == 3
    assert filled.get("a").content == "changed"  # type: ignore[union-attr]
    assert filled.import_("out.jsonl", on_conflict="replace").written == 3
    assert filled.get("a").content.startswith("日本語")  # type: ignore[union-attr]
    assert filled.count(include_private=True) == 3
    with pytest.raises(ValueError, match="on_conflict"):
        filled.import_("out.jsonl", on_conflict="merge")  # type: ignore[arg-type]


def test_foreign_lines(store: MemoryStore) -> None:
    lines = b'{"content": "one"}\n\n  \n{"content": "two", "scope": "s", "id": null}\r\n{"content": "three"}'
    assert store.import_(io.BytesIO(lines)).written == 3
    assert sorted(record.content for record in store.list()) == ["one", "three", "two"]


@pytest.mark.parametrize(
    "line", [b"nonsense", b"[]", b'{"content": null}', b'{"text": "x"}', b"\xff\xfe", b'{"content": 5}']
)
def test_bad_lines_are_named(store: MemoryStore, line: bytes) -> None:
    with pytest.raises(agentmem.InvalidRecordError, match="line 2"):
        store.import_(io.BytesIO(b'{"content": "fine"}\n' + line + b"\n"))
    assert store.count() == 0


@pytest.mark.parametrize(
    "bad", [b"bad", b'{"content": "x", "id": "0"}', b'{"content": "x", "embedding": [1, 2]}']
)
def test_a_bad_line_far_down_changes_nothing(store: MemoryStore, tmp_path: Path, bad: bytes) -> None:
    lines = b"".join(b'{"content": "x", "id": "%d", "embedding": [1]}\n' % number for number in range(10_500))
    file = tmp_path / "lines.jsonl"
    file.write_bytes(lines + bad)
    with file.open() as text:
        for source in (file, io.BytesIO(file.read_bytes()), io.StringIO(file.read_text()), text):
            with pytest.raises(agentmem.AgentMemError):
                store.import_(source)
            assert store.count() == 0
    stream = io.BytesIO(b"passed over\n" + lines)
    stream.readline()
    assert store.import_(stream).written == 10_500


def test_a_stream_cannot_be_looked_through_first(store: MemoryStore) -> None:
    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError

    lines = b'{"content": "x"}\n'
    with pytest.raises(agentmem.InvalidRecordError, match="line 10002"):
        store.import_(Stream(lines * 10_001 + b"bad"))
    assert store.count() == 10_000


def test_damaged_records_are_left_out_if_asked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "damaged.db"
    with agentmem.open(path) as store:
        store.add_many([{"content": f"note {number}", "id": str(number)} for number in range(5)])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET content = 'changed' WHERE id = '2'")
    connection.close()
    file = tmp_path / "saved.jsonl"
    with agentmem.open(path) as store:
        with pytest.raises(agentmem.CorruptStoreError, match="skip_damaged"):
            store.export(file)
        assert not file.exists()
        assert store.export(file, skip_damaged=True) == 4
    assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == ["0", "1", "3", "4"]
    assert 'record "2" does not fit its checksum' in caplog.text


def test_missing_files(store: MemoryStore, tmp_path: Path) -> None:
    with pytest.raises(agentmem.StorePathError, match=r"nothing\.jsonl"):
        store.import_(tmp_path / "nothing.jsonl")
    with pytest.raises(agentmem.StorePathError):
        store.export(tmp_path / "no" / "out.jsonl")


def test_a_failed_export_leaves_no_file(filled: MemoryStore, tmp_path: Path) -> None:
    file = tmp_path / "out" / "x.jsonl"
    file.parent.mkdir()
    file.write_text("before")
    with pytest.raises(agentmem.InvalidFilterError):
        filled.export(file, since="soon")
    assert [each.name for each in file.parent.iterdir()] == ["x.jsonl"]
    assert file.read_text() == "before"


def test_what_a_file_raises_goes_through(filled: MemoryStore) -> None:
    class Broken(io.RawIOBase):
        def write(self, data: object) -> int:
            raise ZeroDivisionError("mine")

        def read(self, size: int = -1) -> bytes:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        filled.export(Broken())  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError, match="mine"):
        filled.import_(Broken())  # type: ignore[arg-type]


@pytest.mark.file
def test_backup(filled: MemoryStore, tmp_path: Path) -> None:
    before = everything(filled)
    filled.backup(tmp_path / "copy.db")
    filled.add("later")
    with agentmem.open(tmp_path / "copy.db") as copy:
        assert everything(copy) == before
        assert copy.verify()
    with pytest.raises(agentmem.StorePathError, match="the store itself"):
        filled.backup(filled.path)
    with pytest.raises(agentmem.StorePathError):
        filled.backup(tmp_path / "no" / "copy.db")
    assert filled.count(include_private=True) == 4


def test_rebuild_and_verify(filled: MemoryStore) -> None:
    assert filled.rebuild() == 3
    report = filled.verify()
    assert report
    assert (report.ok, report.records, report.problems) == (True, 3, [])
    assert len(filled.search("old")) == 1


def test_rebuild_gives_room_back(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with agentmem.open(path) as store:
        ids = store.add_many([agentmem.Record(f"note {n} " + "of this and that " * 10) for n in range(2000)])
        store.delete(ids[::2])
        kept = store.list(limit=2000)
    full = path.stat().st_size
    with agentmem.open(path) as store:
        assert store.rebuild() == 1000
        assert store.list(limit=2000) == kept
        assert store.verify()
    assert path.stat().st_size < 0.7 * full


def test_rebuild_leaves_one_set_of_index_files(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with agentmem.open(path) as store:
        store.add_many([f"note {n}" for n in range(5000)])
    (before,) = Path(f"{path}-index").iterdir()
    with agentmem.open(path) as store:
        store.rebuild()
        assert len(store.search("note")) == 10
    (after,) = Path(f"{path}-index").iterdir()
    assert after != before


def test_stats(filled: MemoryStore) -> None:
    stats = filled.stats()
    assert (stats.path, stats.records, stats.pool_size) == (filled.path, 3, 8)
    assert stats.terms > 0
    assert stats.disk_bytes > 0
    assert stats.schema_version >= 1
    assert stats.to_dict()["records"] == 3


def test_stats_tell_what_happened(tmp_path: Path) -> None:
    """For operators: waits for locks, what the index took in, what was wrong with its files."""
    path = tmp_path / "memory.db"
    with agentmem.open(path) as store:
        store.add_many(f"note {n}" for n in range(4500))
        before = store.stats()
        store.add("one more")
        after = store.stats()
        assert (after.catch_ups - before.catch_ups, after.caught_up - before.caught_up) == (1, 1)
        assert (after.index_reloads, after.index_invalidated, after.slow_searches) == (1, 0, 0)
        assert after.lock_wait_seconds >= 0.01 * after.lock_waits
    (file,) = path.with_name("memory.db-index").iterdir()
    file.unlink()
    with agentmem.open(path) as store:
        stats = store.stats()
        assert stats.index_invalidated == stats.index_disowned == stats.to_dict()["index_disowned"] == 1
        assert stats.memtable_records == stats.tail_records == stats.to_dict()["tail_records"]
        assert store.stats().caught_up == 4501


def test_what_cannot_be_rewound_is_read_once(store: MemoryStore) -> None:
    packed = gzip.compress(b'{"content": "x"}\n{"content": "y"}\n')

    class Pipe(io.BytesIO):
        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    with gzip.open(Pipe(packed)) as lines:
        assert store.import_(lines).written == 2
    with gzip.open(Pipe(packed), "rt") as text:
        assert store.import_(text).written == 2


def test_import_refuses_integers_that_add_refuses(store: MemoryStore) -> None:
    line = json.dumps({"content": "x", "metadata": {"n": [2**64]}})
    with pytest.raises(agentmem.InvalidRecordError, match=f"64 bits; store it as text: {2**64}"):
        store.import_(io.BytesIO(line.encode()))
    assert store.count() == 0
    store.import_(io.BytesIO(json.dumps({"content": "x", "metadata": {"n": [2.0**64, 2**64 - 1]}}).encode()))
    assert store.list()[0].metadata == {"n": [2.0**64, 2**64 - 1]}
