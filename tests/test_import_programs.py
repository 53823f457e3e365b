"""What holds for `agentmem import` of every program."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import closing, suppress
from pathlib import Path

import documentation
import pytest
from click.testing import CliRunner
from exports import chatgpt_conversation, said, write_json, write_lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentmem
from agentmem.cli import cli
from agentmem.cli.commands import import_
from agentmem.importers import first_date, open_sqlite
from agentmem.importers.programs import PROGRAMS, import_program

ANY_STORE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)

# Keys that the readers look for, in places where they are not.
KEYS = """id uuid mapping message author role content parts content_type chat_messages sender text type title
name attachments extracted_content recipient metadata memory data results cwd sessionId timestamp create_time
created_at user categories expiration_date"""
keys = st.sampled_from(KEYS.split())
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.sampled_from(
        ["user", "assistant", "human", "text", "bio", "all", "2024-01-01", "\0", "\ud800", "x" * 2000]
    ),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6)
)


def test_every_program_is_documented():
    page = (documentation.ROOT / "docs" / "moving-in.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert rows == {str(command.name) for command in import_.PROGRAMS}


def test_the_example_of_the_documentation_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text("# Tea\n\nOolong.")
    (example,) = documentation.page_examples("moving-in.md")
    exec(example, {})
    assert capsys.readouterr().out == "1 0 0\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_place_that_is_not_there_is_an_error(program, quick, tmp_path):
    with pytest.raises(agentmem.AgentMemError, match="nowhere"):
        import_program(quick, program, tmp_path / "nowhere")
    assert quick.count() == 0


def test_a_program_that_must_be_installed_is_an_error_that_says_how(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "langgraph.store.base", None)
    result = CliRunner().invoke(cli, ["import", "langgraph", __file__, "--path", str(path)])
    assert result.exit_code == 1
    assert "agentmem-db[langgraph]" in result.stderr


@pytest.mark.parametrize("program", PROGRAMS)
@given(
    data=st.binary(max_size=200)
    | st.sampled_from([b"SQLite format 3\0" + b"\1" * 100, b"PK\5\6" + bytes(18)])
)
@ANY_STORE
def test_no_bytes_make_a_reader_fail(program, quick, data):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "file.sqlite" if program == "mem0" and data.startswith(b"SQ") else "file")
        file.write_bytes(data)
        with suppress(agentmem.AgentMemError):
            import_program(quick, program, file)
        assert [path.read_bytes() for path in Path(folder).iterdir()] == [data]


@pytest.mark.parametrize("program", ["chatgpt", "claude", "claude-code", "mem0"])
@given(items=st.lists(values, max_size=4))
@ANY_STORE
def test_no_json_makes_a_reader_fail(program, quick, items):
    with tempfile.TemporaryDirectory() as folder:
        write = (
            write_lines if program == "claude-code" else lambda path, *values: write_json(path, list(values))
        )
        before = quick.count()
        report = import_program(quick, program, write(Path(folder, "any.json"), *items))
        assert quick.count() == before + report.added


def test_a_large_export_needs_little_memory(quick, tmp_path):
    path = tmp_path / "conversations.json"
    with path.open("w") as file:
        for number in range(300):
            conversation = chatgpt_conversation(f"c{number}", m=said("user", f"{number} " * 20_000))
            file.write(("[" if number == 0 else ",") + json.dumps(conversation))
        file.write("]")
    tracemalloc.start()
    try:
        assert import_program(quick, "chatgpt", path, dry_run=True).added == 300
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 20_000_000
    assert peak < 23_000_000  # the buffer, one item, and the texts of one transaction


def test_an_import_that_was_stopped_goes_on(quick, tmp_path):
    conversations = [chatgpt_conversation(f"c{n}", m=said("user", f"message {n}")) for n in range(1200)]
    path = write_json(tmp_path / "conversations.json", conversations)
    steps: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        steps.append((done, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_program(quick, "chatgpt", path, progress=stop)
    assert steps == [(500, 0)]
    assert quick.count() == 500
    report = import_program(quick, "chatgpt", path)
    assert (report.added, report.known) == (700, 500)


@pytest.mark.parametrize("program", ["notes", "source", "../markdown", ""])
def test_another_program_is_refused(path, tmp_path, program):
    with (
        agentmem.open(path) as store,
        pytest.raises(agentmem.AgentMemError, match="programs are chatgpt"),
    ):
        import_program(store, program, tmp_path)


def test_imports_at_the_same_time_add_each_item_once(path, tmp_path):
    conversations = [chatgpt_conversation(f"c{n}", m=said("user", f"message {n}")) for n in range(1500)]
    export = write_json(tmp_path / "conversations.json", conversations)
    command = [
        sys.executable,
        "-m",
        "agentmem",
        "import",
        "chatgpt",
        str(export),
        "--path",
        str(path),
        "--json",
    ]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    reports = [json.loads(process.communicate()[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sum(report["broken"] for report in reports) == 0
    with agentmem.open(path) as store:
        assert store.count() == 1500


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_database_in_use_is_read_and_nothing_is_left_beside_it(mode, tmp_path):
    path = tmp_path / "data" / "a.db"
    path.parent.mkdir()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with closing(sqlite3.connect(path)) as writer:
        writer.execute(f"PRAGMA journal_mode = {mode}")
        writer.execute("CREATE TABLE t (x)")
        writer.execute("INSERT INTO t VALUES ('committed')")
        writer.commit()
        files = sorted(path.parent.iterdir())
        with closing(open_sqlite(path, scratch)) as reader:
            assert reader.execute("SELECT x FROM t").fetchall() == [("committed",)]
            assert sorted(path.parent.iterdir()) == files


@pytest.mark.parametrize(
    ("values", "date"),
    [
        ([None, "", True, "yesterday", [], "2024-05-01"], "2024-05-01 00:00:00+00:00"),
        ([1_700_000_000], "2023-11-14 22:13:20+00:00"),
        ([1e300, float("nan"), -1e12, 0.5], "1970-01-01 00:00:00.500000+00:00"),
        (["2024-05-01T12:00:00+02:00"], "2024-05-01 10:00:00+00:00"),
        ([], "None"),
    ],
)
def test_the_first_date_that_is_one(values, date):
    assert str(first_date(*values)) == date
