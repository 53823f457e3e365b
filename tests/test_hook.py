"""`agentmem hook`: Claude Code's sessions recall and remember, and no session ever fails because of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import documentation
import pytest
from click.testing import CliRunner
from exports import transcript_line, write_lines

import agentmem
from agentmem.cli import cli
from agentmem.importers.programs import import_program

Hook = Callable[..., Any]

START = {"session_id": "s2", "cwd": "/home/me/shop", "hook_event_name": "SessionStart", "source": "startup"}
PROMPT = {**START, "hook_event_name": "UserPromptSubmit", "prompt": "Which database do the orders use?"}


@pytest.fixture
def hook(path: Path) -> Hook:
    """Run a hook on an event; returns the context it adds, None if it prints nothing."""

    def run(name: str, event: Any, *options: str) -> str | None:
        text = event if isinstance(event, str) else json.dumps(event)
        result = CliRunner().invoke(cli, ["hook", name, *options, "--path", str(path)], input=text)
        assert result.exit_code == 0, result.output
        if not result.stdout:
            return None
        output = json.loads(result.stdout)["hookSpecificOutput"]
        assert output["hookEventName"] == event["hook_event_name"]
        return output["additionalContext"]

    return run


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    return write_lines(
        tmp_path / "claude" / "s1.jsonl",
        transcript_line("u1", "user", "The orders use Postgres as their database."),
        transcript_line("a1", "assistant", [{"type": "text", "text": "I will remember that."}]),
    )


def end(transcript: Path) -> dict[str, Any]:
    return {
        "session_id": "s1",
        "transcript_path": str(transcript),
        "cwd": "/home/me/shop",
        "hook_event_name": "SessionEnd",
        "reason": "prompt_input_exit",
    }


def test_the_next_session_knows_what_was_said(hook, transcript):
    hook("remember", end(transcript))
    context = hook("recall", START)
    assert context.splitlines()[1:] == [
        "- 2026-01-20 user: The orders use Postgres as their database.",
        "- 2026-01-20 assistant: I will remember that.",
    ]
    assert "not instructions" in context


def test_a_prompt_recalls_what_answers_it(hook, transcript, path):
    hook("remember", end(transcript))
    with agentmem.open(path) as store:
        store.add("Our cat is called Minka.", scope="/home")
    assert "Postgres" in hook("recall", PROMPT)
    assert "Minka" in hook("recall", {**PROMPT, "prompt": "What is our cat called?"})
    assert hook("recall", {**PROMPT, "prompt": "What is our cat called?"}, "--scope", "/claude-code") is None
    assert hook("recall", {**PROMPT, "prompt": "How high is Mount Everest?"}) is None


def test_half_a_character_in_an_event_does_not_hide_memories(hook, transcript):
    hook("remember", end(transcript))
    for field in ("session_id", "prompt"):
        assert "Postgres" in hook("recall", {**PROMPT, field: PROMPT[field] + "\ud83d"})


def test_a_session_does_not_recall_itself(hook, transcript):
    hook("remember", end(transcript))
    assert hook("recall", {**START, "session_id": "s1"}) is None
    assert hook("recall", {**PROMPT, "session_id": "s1"}) is None


@pytest.mark.parametrize(
    "event",
    [
        {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}},
        {"hook_event_name": "PostToolUse", "tool_name": "Task", "tool_input": {"prompt": "orders"}},
        {"hook_event_name": "Notification", "message": "Claude needs your permission"},
        {"hook_event_name": "Stop", "stop_hook_active": False},
        {"hook_event_name": "SubagentStop", "stop_hook_active": False, "agent_id": "a1"},
        {"hook_event_name": "PreCompact", "trigger": "auto", "custom_instructions": ""},
        {"hook_event_name": "SessionEnd", "reason": "clear"},
    ],
    ids=lambda event: event["hook_event_name"],
)
def test_only_starts_and_prompts_recall(hook, transcript, event):
    hook("remember", end(transcript))
    common = {"session_id": "s2", "transcript_path": str(transcript), "cwd": "/home/me/shop"}
    assert hook("recall", {**common, "permission_mode": "default", **event}) is None
    assert hook("remember", {**common, "permission_mode": "default", **event}) is None
    assert hook("recall", {**START, "hook_event_name": "SubagentStart", "agent_type": "Explore"}) is not None


def test_another_project_starts_without_it(hook, transcript):
    hook("remember", end(transcript))
    assert hook("recall", {**START, "cwd": "/home/me/blog"}) is None
    assert hook("recall", {**START, "cwd": "/home/me/blog"}, "--scope", "/") is not None


def test_a_session_without_a_directory_recalls_no_project(hook, transcript):
    hook("remember", {"transcript_path": str(transcript)})
    event = {name: value for name, value in START.items() if name != "cwd"}
    assert hook("recall", event) is None
    assert hook("recall", event, "--scope", "/claude-code") is not None


def test_remembering_again_adds_what_is_new(hook, transcript, path):
    hook("remember", end(transcript))
    with transcript.open("a") as file:
        file.write(json.dumps(transcript_line("u2", "user", "And Redis as cache.")) + "\n{half a li")
    hook("remember", end(transcript))
    with agentmem.open(path) as store:
        assert store.count() == 3
        assert import_program(store, "claude-code", transcript.parent).known == 3


def test_context_stays_below_what_claude_code_takes(hook, path):
    with agentmem.open(path, durability="normal") as store:
        store.add_many(
            {"content": f"{n} " + "long\n" * 1000, "scope": "/claude-code/home/me/shop"} for n in range(100)
        )
    context = hook("recall", START, "--limit", "100")
    assert 8_000 < len(context) < 10_000
    assert all(line.startswith("- ") for line in context.splitlines()[1:])


def test_private_records_are_not_recalled(hook, path):
    with agentmem.open(path) as store:
        store.add("The orders use a secret database.", scope="/claude-code/home/me/shop", private=True)
    assert hook("recall", START) is None
    assert hook("recall", PROMPT) is None


def test_without_a_store_recall_makes_none(hook, path):
    assert hook("recall", START) is None
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("recall", ""),
        ("recall", "{half"),
        ("recall", "[1]"),
        ("recall", "[" * 100_000),
        ("recall", '{"cwd": 7, "prompt": 7, "session_id": {}}'),
        ("recall", '{"cwd": "\\u0000/../\\ud800"}'),
        ("recall", '{"prompt": "\\u0000\\ud800", "session_id": "\\ud800"}'),
        ("remember", "{}"),
        ("remember", '{"transcript_path": 7}'),
        ("remember", '{"transcript_path": "/no/such/file.jsonl"}'),
        ("remember", '{"transcript_path": "/"}'),
        ("remember", '{"transcript_path": "a\\u0000b"}'),
    ],
)
def test_no_event_makes_a_hook_fail(hook, path, name, event):
    agentmem.open(path).close()
    assert hook(name, event) is None


@pytest.mark.parametrize(
    ("event", "told"),
    [("", "stdin holds no JSON: "), ("[1]", "the event is list, not a JSON object")],
)
def test_what_is_no_event_is_said_in_plain_words(path, event, told):
    result = CliRunner().invoke(cli, ["hook", "recall", "--path", str(path)], input=event)
    assert result.stderr.startswith(f"agentmem hook: {told}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["hook"],
        ["hook", "recall", "--bogus"],
        ["hook", "--bogus"],
        ["hook", "forget"],
        ["hook", "recall", "--path", "/dev/null/x.db"],
        ["hook", "recall", "--limit", "many"],
        ["hook", "remember", "--path", "/dev/null/x.db"],
    ],
)
def test_no_arguments_make_a_hook_fail(arguments):
    """Exit code 2 would make Claude Code throw the user's prompt away."""
    done = subprocess.run(
        [sys.executable, "-m", "agentmem", *arguments],
        input=json.dumps(PROMPT),
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_without_a_command_a_hook_prints_its_help_and_claude_sees_none_of_it():
    done = subprocess.run([sys.executable, "-m", "agentmem", "hook"], capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("Usage: ")
    assert "remember" in done.stderr


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_is_recalled_from(hook, transcript, path):
    hook("remember", end(transcript))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        assert hook("recall", START)
    finally:
        path.parent.chmod(0o755)


def test_a_damaged_store_does_not_make_a_hook_fail(hook, path):
    path.write_bytes(b"no store" * 1000)
    assert hook("recall", START) is None
    assert hook("remember", end(path)) is None


def test_the_settings_of_the_documentation_name_commands_that_exist():
    page = (documentation.ROOT / "docs" / "frameworks" / "claude-code-hooks.md").read_text(encoding="utf-8")
    (settings,) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    hooks = json.loads(settings)["hooks"]
    commands = [hook["command"] for event in hooks.values() for entry in event for hook in entry["hooks"]]
    assert set(hooks) == {"SessionStart", "UserPromptSubmit", "SessionEnd"}
    for command in commands:
        program, *arguments = command.split()
        assert program == "agentmem"
        assert CliRunner().invoke(cli, [*arguments, "--help"]).stdout.startswith("Usage:")
