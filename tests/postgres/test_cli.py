"""The command line on a store in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from postgres_server import Server

import agentmem
from agentmem.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def url(server: Server) -> str:
    """A store of two spaces. The URL has a password, which the server does not ask for."""
    url = server.store(space_depth=1).replace("postgres@", "postgres:secret@")
    with agentmem.open(url) as store:
        for user in ("alice", "bob"):
            store.add_many({"content": f"{user} moved to Ulm", "scope": f"/{user}"} for _ in range(2))
        store.journal("alice/log").append(1)
    return url


@pytest.fixture
def run(url: str) -> Run:
    def run(*arguments: str, code: int = 0, given: str | None = None) -> Result:
        result = CliRunner().invoke(cli, [*arguments, "--path", url], input=given)
        assert result.exit_code == code, result.output
        assert "secret" not in result.output
        return result

    return run


def test_reading(run: Run) -> None:
    assert len(run("list").stdout.splitlines()) == 4
    assert len(run("search", "Ulm", "--scope", "/alice").stdout.splitlines()) == 2
    assert "holds 4 records" in run("stats").stdout
    assert run("verify").stdout == "ok: 4 records; the checksums and the index are sound\n"
    assert run("journals").stdout == "alice/log\n"
    assert run("journal", "alice/log").stdout.split("\t")[0] == "1"
    assert run("runs").stdout == ""
    assert "nothing to do" in run("migrate", "--status").stdout


def test_what_needs_one_space_says_so(run: Run) -> None:
    assert "needs a scope inside one space" in run("dedupe", code=1).stderr
    assert "needs a scope inside one space" in run("list", "--order", "written", code=1).stderr
    assert "pg_dump" in run("backup", "copy.db", code=1).stderr


def test_writing(run: Run) -> None:
    added = run("add", "carol likes tea", "--scope", "/carol").stdout.strip()
    assert "carol likes tea" in run("get", added).stdout
    assert "carol likes tea" in run("history", added).stdout
    assert run("dedupe", "--scope", "/alice", "--delete", "--yes").stdout == "deleted 1 record\n"
    assert "from postgresql://postgres@127.0.0.1" in run("delete", added, given="y\n").stderr
    assert run("purge").stdout == "purged 0\n"
    assert run("rebuild").stdout == "rebuilt from 3 records\n"
    assert run("reset", "--scope", "/bob", "--yes").stdout == "deleted 2 records\n"


def test_moving_in_and_out(run: Run, tmp_path: Path) -> None:
    run("export", "all.jsonl", "--journals")
    run("reset", "--journals", "--yes")
    assert "imported 5" in run("import", "all.jsonl").stdout
    notes = tmp_path / "notes" / "home"
    notes.mkdir(parents=True)
    (notes / "keys.md").write_text("# Keys\n\nThe keys are under the mat.")
    assert "added 1 record" in run("import", "markdown", "notes").stdout
    assert "added 0 records, 1 were known" in run("import", "markdown", "notes").stdout


def test_the_hooks_of_claude_code(run: Run, tmp_path: Path) -> None:
    said = {"type": "user", "message": {"role": "user", "content": "The database is on db-7."}}
    line = {**said, "sessionId": "s1", "cwd": "/p", "uuid": "1", "timestamp": "2026-01-01T00:00:00Z"}
    (tmp_path / "session.jsonl").write_text(json.dumps(line) + "\n")
    event = json.dumps({"transcript_path": "session.jsonl", "session_id": "s1"})
    assert "added 1 record" in run("hook", "remember", given=event).stderr
    assert "db-7" in run("hook", "recall", given=json.dumps({"cwd": "/p", "session_id": "s2"})).stdout
