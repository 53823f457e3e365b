"""What CrewAI's LanceDB storage leaves on disk comes into a store."""

import hashlib
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner
from crewai.memory.storage.lancedb_storage import LanceDBStorage
from crewai.memory.types import MemoryRecord

import agentmem
from agentmem.cli import cli
from agentmem.crewai import LocalEmbedder, UnifiedStorage
from agentmem.crewai.importers import import_crewai

SECRET = MemoryRecord(
    content="The vault code is 1234",
    scope="/crew/a/agent/x",
    categories=["code"],
    metadata={"entities": ["vault"]},
    importance=0.9,
    created_at=datetime(2024, 1, 2, 3, 4, 5, 678901),
    last_accessed=datetime(2024, 2, 3),
    embedding=[0.5, 0.25, 0.0],
    source="bob",
    private=True,
)
RECORDS = [
    SECRET,
    MemoryRecord(content="No vector here", scope="/crew/a"),
    MemoryRecord(
        content="With a zone", embedding=[0.0, 1.0, 0.0], created_at=datetime(2024, 1, 1, tzinfo=timezone.utc)
    ),
]


@pytest.fixture
def base(tmp_path):
    base = tmp_path / "home"
    LanceDBStorage(base / "memory", compact_every=0).save(RECORDS)
    return base


@pytest.fixture
def store(path):
    return agentmem.open(path)


def fingerprint(directory):
    return {
        str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


def add_rows(base, *changes):
    import lancedb

    table = lancedb.connect(str(base / "memory")).open_table("memories")
    row = LanceDBStorage(base / "memory", compact_every=0)._record_to_row(SECRET)
    table.add([{**row, "id": f"odd {number}", **change} for number, change in enumerate(changes)])


def test_the_command_line_imports_it(base, path):
    def run(*arguments):
        result = CliRunner().invoke(cli, ["import", "crewai", *arguments, "--path", path])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert run(str(base), "--dry-run").endswith("would add 3 records, 0 were known, 0 broken\n")
    assert not Path(path).exists()
    assert run(str(base)).endswith("added 3 records, 0 were known, 0 broken\n")
    report = json.loads(run(str(base), "--json"))
    assert (report["added"], report["known"], len(report["sources"])) == (0, 3, 1)
    with agentmem.open(path) as store:
        assert store.count(include_private=True) == 3


def test_the_command_line_says_where_it_found_nothing(path, tmp_path):
    result = CliRunner().invoke(cli, ["import", "crewai", str(tmp_path), "--path", path])
    assert result.exit_code == 0
    assert f"found nothing of CrewAI in {tmp_path}" in result.stdout
    result = CliRunner().invoke(cli, ["import", "crewai", str(tmp_path / "none"), "--path", path])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "is not a directory" in result.output


def test_everything_comes_in_once_and_the_source_stays_as_it_was(base, store):
    before = fingerprint(base)
    report = import_crewai(store, base)
    assert (report.added, report.known, report.broken, report.problems) == (3, 0, 0, [])
    assert import_crewai(store, base).known == 3
    assert fingerprint(base) == before


def test_every_field_is_kept(base, store):
    import_crewai(store, base)
    storage = UnifiedStorage(store)
    assert storage.get_record(SECRET.id) == SECRET
    assert storage.get_record(SECRET.id).embedding == SECRET.embedding
    assert storage.get_record(RECORDS[1].id).embedding is None
    assert storage.get_record(RECORDS[2].id).created_at == datetime(2024, 1, 1)


def test_a_dry_run_writes_nothing(base, store):
    assert import_crewai(store, base, dry_run=True).added == 3
    assert store.count(include_private=True) == 0


def test_broken_rows_are_reported_counted_and_skipped(base, store):
    add_rows(
        base,
        {"metadata_str": "{"},
        {"metadata_str": "[]"},
        {"categories_str": "3"},
        {"created_at": "yesterday"},
        {"content": ""},
        {"importance": 7.0},
        {"scope": "crew//b/../c/"},
        {"id": SECRET.id},
    )
    report = import_crewai(store, base)
    assert (report.added, report.known, report.broken) == (5, 1, 5)
    assert len(report.problems) == 5
    assert store.get("odd 4", include_private=True).content == ""
    assert store.get("odd 6", include_private=True).scope == "/crew/b/c"


def test_texts_come_in_without_vectors_where_those_do_not_fit(base, store):
    UnifiedStorage(store).save([MemoryRecord(content="local", embedding=LocalEmbedder()(["local"])[0])])
    report = import_crewai(store, base)
    assert (report.added, report.broken) == (3, 0)
    assert len(report.problems) == 2
    assert "without its vector" in report.problems[0]
    assert store.get(SECRET.id, include_private=True).embedding is None


def test_without_lancedb_the_report_says_so(base, store, monkeypatch):
    monkeypatch.setitem(sys.modules, "lancedb", None)
    report = import_crewai(store, base)
    assert report.added == 0
    assert "pip install lancedb" in report.problems[0]


def test_many_rows(tmp_path, store):
    storage = LanceDBStorage(tmp_path / "memory", compact_every=0)
    storage.save([MemoryRecord(content=f"note {n}", embedding=[1.0, float(n)]) for n in range(1700)])
    steps = []
    report = import_crewai(store, tmp_path, progress=lambda done, total: steps.append((done, total)))
    assert report.added == store.count() == 1700
    assert steps[-1] == (1700, 1700)


def test_the_directory_that_crewai_uses_is_found(base, store, monkeypatch):
    monkeypatch.setenv("CREWAI_STORAGE_DIR", str(base))
    assert import_crewai(store).added == 3
