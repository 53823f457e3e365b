"""The command line: expiry, versions, history and journals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from clock import Clock

import agentmem
from agentmem.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def run(path: Path) -> Run:
    """Run a command on the test's store; a code that is not expected is shown with what was printed."""

    def run(*arguments: str, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(cli, [*arguments, "--path", str(path)], input=stdin)
        assert result.exit_code == code, result.output + repr(result.exception)
        if code == 1 and stdin is None:
            assert result.stderr.startswith("Error: ")
            assert result.stderr.strip().count("\n") == 0, result.stderr
        return result

    return run


@pytest.fixture
def filled(path: Path) -> Path:
    with agentmem.open(path) as store:
        store.add("Alice lives in Paris.", id="home", scope="/alice")
        store.supersede("home", "Alice lives in Rome.")
        store.add("a secret", id="p", private=True, source="me")
        store.journal("sessions/42").extend(["hello", {"role": "user"}, b"\x00\xff"])
        store.journal("sessions/43").append("other")
        store.journal("states").put("pending", [1, 2])
    return path


def counted(result: Result) -> list[Any]:
    """The one number of a JSON answer."""
    return list(json.loads(result.stdout).values())


def test_add_with_a_ttl(run: Run, path: Path, clock: Clock) -> None:
    run("add", "goes", "--id", "a", "--ttl", "60")
    run("add", "stays", "--id", "b", "--ttl", "3600")
    clock.move(60)
    assert [record["id"] for record in json.loads(run("list", "--json").stdout)] == ["b"]
    for wrong in ("0", "-1", "nan", "inf"):
        run("add", "x", "--ttl", wrong, code=1)
    run("add", "x", "--ttl", "soon", code=2)
    assert len(json.loads(run("list", "--json").stdout)) == 1


def test_purge(run: Run, path: Path, clock: Clock) -> None:
    with agentmem.open(path) as store:
        for scope in ("/a", "/a", "/b"):
            store.add("x", scope=scope, ttl=60)
        store.journal("log").append(1, ttl=60)
    assert counted(run("purge", "--json")) == [0]
    clock.move(60)
    assert counted(run("purge", "--scope", "/a", "--json")) == [2]
    assert "2" in run("purge").stdout
    assert counted(run("purge", "--json")) == [0]


def test_delete_compares_versions(run: Run, filled: Path) -> None:
    (record,) = json.loads(run("get", "home", "--json").stdout)
    with agentmem.open(filled) as store:
        version = store.get("home").version  # type: ignore[union-attr]
    assert "version" not in record
    run("delete", "home", "--if-version", str(version + 1), "--yes", code=1)
    run("delete", "nobody", "--if-version", "1", "--yes", code=1)
    for wrong in ("-1", "x", "1.5"):
        run("delete", "home", "--if-version", wrong, "--yes", code=2)
    run("delete", "home", "p", "--if-version", str(version), "--yes", code=2)
    run("delete", "--scope", "/alice", "--if-version", str(version), "--yes", code=2)
    run("delete", "home", "--if-version", str(version), "--yes")
    with agentmem.open(filled) as store:
        assert store.get("home") is None


def test_history(run: Run, filled: Path) -> None:
    shown = run("history", "home").stdout
    assert shown.index("Paris") < shown.index("Rome")
    records = json.loads(run("history", "home", "--json").stdout)
    assert [record["content"] for record in records] == ["Alice lives in Paris.", "Alice lives in Rome."]
    run("history", "nobody", code=1)
    run("history", "p", code=1)
    assert "secret" in run("history", "p", "--source", "me").stdout
    run("history", code=2)


def test_journals(run: Run, filled: Path) -> None:
    names = ["sessions/42", "sessions/43", "states"]
    assert run("journals").stdout.splitlines() == names
    assert json.loads(run("journals", "--json").stdout) == names
    assert json.loads(run("journals", "sessions/", "--json").stdout) == names[:2]
    assert run("journals", "nothing").stdout == ""


def test_journal(run: Run, filled: Path) -> None:
    """The log and then the map, as `read` and `items` give them."""
    shown = run("journal", "sessions/42").stdout
    assert shown.index("hello") < shown.index("role")
    entries = json.loads(run("journal", "sessions/42", "--json").stdout)
    assert [entry["value"] for entry in entries[:2]] == ["hello", {"role": "user"}]
    assert [entry["key"] for entry in entries] == [None] * 3
    assert all({"number", "key", "value", "written_at", "expires_at"} <= {*entry} for entry in entries)
    record = json.loads(run("list", "--json").stdout)[0]
    shape = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
    assert all(shape.fullmatch(time) for time in (record["created_at"], entries[0]["written_at"]))
    (entry,) = json.loads(run("journal", "states", "--json").stdout)
    assert (entry["key"], entry["value"]) == ("pending", [1, 2])
    assert json.loads(run("journal", "nothing", "--json").stdout) == []
    run("journal", "", code=1)
    run("journal", code=2)


def test_what_json_cannot_say_is_shown_all_the_same(run: Run, path: Path) -> None:
    with agentmem.open(path) as store:
        store.journal("odd").extend(
            [float("nan"), float("inf"), "\ud800", "\0", 2**200, b"\xff", {"\ud800": 1}]
        )
    for options in ([], ["--json"]):
        assert run("journal", "odd", *options).stdout


@pytest.mark.parametrize("command", ["journal {name}", "journals", "history home"])
def test_text_never_controls_the_terminal(run: Run, path: Path, command: str) -> None:
    evil = "\x1b[31mred\x9b2J\x1b]0;title\x07\r"
    with agentmem.open(path) as store:
        store.journal(f"n{evil}").append(evil)
        store.journal(f"n{evil}").put(f"k{evil}", {evil: evil})
        store.add(f"x{evil}", id="home")
    shown = run(*(word.format(name=f"n{evil}") for word in command.split(" "))).stdout
    assert "red" in shown
    assert not set(shown) & {"\x1b", "\x9b", "\x07", "\r"}


@pytest.mark.parametrize("command", ["purge", "history x", "journals", "journal x", "dedupe"])
def test_nothing_is_made_by_looking(run: Run, path: Path, command: str) -> None:
    assert "there is no store" in run(*command.split(), code=1).stderr
    assert not path.exists()


def test_export_and_import_of_everything(run: Run, filled: Path, tmp_path: Path) -> None:
    run("export", "all.jsonl", "--journals", "--history", "--include-private")
    result = CliRunner().invoke(cli, ["import", "all.jsonl", "--path", str(tmp_path / "other.db")])
    assert result.exit_code == 0, result.output
    with agentmem.open(filled) as store, agentmem.open(tmp_path / "other.db") as other:
        assert other.history("home") == store.history("home")
        assert other.journals() == store.journals()
        assert other.journal("sessions/42").read() == store.journal("sessions/42").read()


def test_reset_of_journals(run: Run, filled: Path) -> None:
    run("reset", "--yes")
    assert len(run("journals").stdout.splitlines()) == 3
    run("reset", "--journals", "--yes")
    assert run("journals").stdout == ""


def test_list_in_an_order(run: Run, filled: Path) -> None:
    with agentmem.open(filled) as store:
        store.add("older", id="older", created_at="2020-01-01")
    for order, ids in {
        "oldest": ["older", "home"],
        "newest": ["home", "older"],
        "written": ["home", "older"],
    }.items():
        listed = json.loads(run("list", "--order", order, "--json").stdout)
        assert [record["id"] for record in listed] == ids
    run("list", "--order", "random", code=2)


def test_help_teaches() -> None:
    overview = CliRunner().invoke(cli, ["--help"]).stdout
    for name in ("purge", "history", "dedupe", "journals", "journal"):
        assert f"  {name} " in overview
        shown = CliRunner().invoke(cli, [name, "--help"]).stdout
        assert "--path" in shown
        assert "--json" in shown
