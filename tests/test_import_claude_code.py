"""`agentmem import claude-code`: transcripts come into a store."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from exports import fingerprint, transcript_line, write_lines

from agentmem.importers.claude_code import project_scope
from agentmem.importers.programs import import_program


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    folder = tmp_path / "projects"
    write_lines(
        folder / "-home-me-shop" / "s1.jsonl",
        {"type": "summary", "summary": "A shop", "leafUuid": "u9"},
        transcript_line("u1", "user", "Use Postgres for <system-reminder>be nice</system-reminder>orders."),
        transcript_line(
            "a1",
            "assistant",
            [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "I will use it."}],
        ),
        transcript_line("a2", "assistant", [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]),
        transcript_line("u2", "user", [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]),
        transcript_line("u3", "user", "<command-name>/clear</command-name>"),
        transcript_line("u4", "user", "Caveat: The messages below were generated", isMeta=True),
        transcript_line("u5", "user", "Look at the tests", isSidechain=True),
        transcript_line("u6", "user", "This session is being continued: orders.", isCompactSummary=True),
        transcript_line("u7", "user", "[Request interrupted by user]"),
        {"type": "file-history-snapshot", "messageId": "m"},
    )
    write_lines(
        folder / "-home-me-blog" / "s2.jsonl",
        transcript_line("b1", "user", "Write about tea.", cwd="/home/me/blog", sessionId="s2"),
        transcript_line("u1", "user", "Use Postgres for orders.", sessionId="s2"),  # from a resumed session
    )
    return folder


def test_what_was_said_comes_in_by_project(projects, quick):
    before = fingerprint(projects)
    report = import_program(quick, "claude-code", projects)
    assert (report.added, report.known, report.broken, report.problems) == (4, 1, 0, [])
    found = {record.content: record for record in quick.list(scope="/claude-code/home/me/shop")}
    assert found.keys() == {
        "I will use it.",
        "Use Postgres for orders.",
        "This session is being continued: orders.",
    }
    said = found["I will use it."]
    assert said.created_at == datetime(2026, 1, 20, 11, 57, 17, 716_000, tzinfo=timezone.utc)
    assert said.metadata == {
        "role": "assistant",
        "session": "s1",
        "project": "/home/me/shop",
        "branch": "main",
        "model": "claude-x",
        "message": "a1",
    }
    assert list(found["This session is being continued: orders."].categories) == ["summary"]
    assert quick.count(scope="/claude-code/home/me") == 4
    assert import_program(quick, "claude-code", projects).added == 0
    assert fingerprint(projects) == before


def test_the_usual_place_is_read(projects, quick, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(projects.parent))
    assert import_program(quick, "claude-code").added == 4


def test_bad_lines_are_counted_and_the_others_come_in(quick, tmp_path):
    path = write_lines(
        tmp_path / "s.jsonl",
        "{half",
        "",
        "[" * 100_000,
        transcript_line("u1", "user", "Fine."),
        {"type": "user"},
        transcript_line("u2", "user", [7]),
        {"type": "assistant", "message": {"content": "no id"}},
        "7",
    )
    report = import_program(quick, "claude-code", path)
    assert (report.added, report.broken) == (1, 5)
    assert "line 1" in report.problems[0]


@pytest.mark.parametrize(
    ("directory", "scope"),
    [
        ("/home/me/shop", "/claude-code/home/me/shop"),
        ("C:\\Users\\me\\shop", "/claude-code/C:/Users/me/shop"),
        ("/home/../a b/", "/claude-code/home/%2E%2E/a b"),
        ("", "/claude-code"),
    ],
)
def test_a_project_is_a_scope(directory, scope):
    assert project_scope(directory) == scope


def test_a_very_deep_project_has_a_scope_too(quick):
    scope = project_scope("/deep" * 1000)
    assert scope != project_scope("/deep" * 1001)
    quick.add("x", scope=scope)
