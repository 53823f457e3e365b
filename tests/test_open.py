from __future__ import annotations

import copy
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import agentmem


def test_a_store_remembers(path: Path) -> None:
    with agentmem.open(path) as store:
        id = store.add("Alice prefers email over phone.", scope="/user/alice")
    with agentmem.open(path) as store:
        assert [hit.record.id for hit in store.search("how do I reach alice?")] == [id]


def test_default_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with agentmem.open() as store:
        assert store.path == str(tmp_path / "agentmem.db")
    monkeypatch.setenv("AGENTMEM_PATH", str(tmp_path / "other.db"))
    with agentmem.open() as store:
        assert store.path == str(tmp_path / "other.db")


def test_path_stays_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    with agentmem.open("memory.db") as store:
        monkeypatch.chdir(tmp_path / "below")
        assert store.path == str(tmp_path / "memory.db")
        store.add("here")
    assert not list((tmp_path / "below").iterdir())


@pytest.mark.parametrize("name", ["mémoire 記憶 🧠.db", "n" * 240, "with space'\"%?#.db", "file:x?mode=ro"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    with agentmem.open(tmp_path / name) as store:
        store.add("found again")
    assert (tmp_path / name).exists()
    with agentmem.open(tmp_path / name) as store:
        assert store.count() == 1


def test_a_name_too_long_for_the_files_beside_it(tmp_path: Path) -> None:
    with pytest.raises(agentmem.StorePathError):
        agentmem.open(tmp_path / ("n" * 250))
    assert list(tmp_path.iterdir()) == []


def test_files_are_their_owners_alone(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("a secret")
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_closed(path: Path) -> None:
    store = agentmem.open(path)
    assert not store.closed
    store.close()
    store.close()
    assert store.closed
    assert "closed" in repr(store)
    for call in (store.count, store.stats, store.verify, lambda: store.add("x"), lambda: store.search("x")):
        with pytest.raises(agentmem.StoreClosedError, match=r"agentmem\.open"):
            call()


def test_a_copy_is_the_store(store: agentmem.MemoryStore) -> None:
    assert copy.copy(store) is store
    assert copy.deepcopy(store) is store
    assert copy.deepcopy({"storage": [store]})["storage"][0] is store


def test_a_store_is_true_when_empty(store: agentmem.MemoryStore) -> None:
    assert store
    assert not hasattr(store, "__len__")


def test_read_only(path: Path) -> None:
    with agentmem.open(path) as store:
        id = store.add("kept")
    with agentmem.open(path, read_only=True) as store:
        assert store.count() == 1
        assert store.search("kept")[0].record.id == id
        for write in (
            lambda: store.add("x"),
            lambda: store.put("x"),
            lambda: store.update(id, content="x"),
            lambda: store.delete(id),
            lambda: store.touch(id),
            lambda: store.reset(),
            lambda: store.rebuild(),
        ):
            with pytest.raises(agentmem.StoreReadOnlyError):
                write()
        assert store.count() == 1


def test_read_only_makes_no_file(path: Path) -> None:
    with pytest.raises(agentmem.StorePathError):
        agentmem.open(path, read_only=True)
    assert not path.exists()


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(agentmem.StorePathError) as caught:
        agentmem.open(tmp_path / "no" / "memory.db")
    assert isinstance(caught.value, OSError)
    assert str(tmp_path / "no") in str(caught.value)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(agentmem.AgentMemError, match="folder"):
        agentmem.open(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_forbidden_folder(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(agentmem.AgentMemError):
        agentmem.open(tmp_path / "locked" / "memory.db")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://a:secret@h/d",
        "POSTGRES://a:secret@h/d",
        Path("postgresql://a:secret@h/d"),
        "file:///x",
    ],
)
def test_addresses_that_are_no_url_of_a_store(url: str | Path) -> None:
    with pytest.raises(agentmem.StorePathError, match="a database has postgresql://") as error:
        agentmem.open(url)
    assert "secret" not in str(error.value)
    with pytest.raises(agentmem.StorePathError, match="a database has postgresql://"):
        agentmem.migration_status(url)


@pytest.mark.parametrize("path", ["", "a\0b", ":memory:"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(agentmem.StorePathError):
        agentmem.open(path)


@pytest.mark.parametrize("path", [5, b"memory.db", ["memory.db"]])
def test_path_of_a_wrong_type(path: object) -> None:
    with pytest.raises(TypeError):
        agentmem.open(path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content", [b"hello", b"SQLite format 3\0 but not really", b"\0" * 4096], ids=["text", "torn", "zeros"]
)
def test_other_files_are_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises((agentmem.NotAStoreError, agentmem.CorruptStoreError)):
        agentmem.open(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_another_database_is_left_alone(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE memories(text)")
    other.close()
    content = path.read_bytes()
    with pytest.raises(agentmem.NotAStoreError):
        agentmem.open(path)
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with agentmem.open(path) as store:
        store.add("x")


@pytest.mark.parametrize(
    "options",
    [
        {"pool_size": 0},
        {"pool_size": -1},
        {"pool_size": 2**40},
        {"pool_size": "many"},
        {"durability": "fast"},
        {"index": "none"},
        {"read_only": "yes"},
        {"busy_timeout": -1},
        {"busy_timeout": float("nan")},
        {"busy_timeout": "long"},
    ],
    ids=str,
)
def test_wrong_options(path: Path, options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        agentmem.open(path, **options)  # type: ignore[arg-type]
    assert not path.exists()


@pytest.mark.parametrize("seconds", [0.0, 1e9, 1.5e19, float("inf")])
def test_any_patience(path: Path, seconds: float) -> None:
    with agentmem.open(path, busy_timeout=seconds) as store:
        store.add("kept")


@pytest.mark.parametrize("durability", ["full", "normal"])
def test_durability(path: Path, durability: str) -> None:
    with agentmem.open(path, durability=durability) as store:  # type: ignore[arg-type]
        store.add("kept")
        assert store.count() == 1


def test_import_is_light() -> None:
    code = (
        "import sys, agentmem; print([m for m in ('rich', 'click', 'crewai', 'asyncio') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_analyze() -> None:
    assert agentmem.analyze("Running") == agentmem.analyze("runs")
    assert agentmem.analyze("") == []
    assert isinstance(agentmem.__version__, str)
