"""Claude Code's transcripts: what the user and Claude said in each session, by project."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from agentmem import AgentMemError
from agentmem._adapters import clean, key_id, scope_part

from .json_files import json_lines
from .source import Fields, Row, Source, broken, first_date

_ROLES = ("user", "assistant")
# What Claude Code itself puts into messages: not said by anybody.
_INSERTED = re.compile(r"<(system-reminder|ide_[a-z_]+)>.*?</\1>", re.DOTALL)
_NOT_SAID = re.compile(
    r"\s*(<(command-|local-command-|bash-|task-notification|user-prompt-submit-hook)|\[Request interrupted"
    r"|Caveat: The messages below)"
)
_LONGEST_SCOPE = 900


def default_path() -> Path:
    """Where Claude Code keeps its transcripts."""
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude") / "projects"


def open_source(path: Path, scratch: Path) -> Source:
    """Open a transcript, or a folder that has transcripts somewhere below."""
    if not path.exists():
        raise AgentMemError(f"there is no {path}; name the folder of the transcripts")
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    return Source(0, (row for file in files for row in transcript_rows(file)), str(path))


def project_scope(directory: str) -> str:
    """The scope of what is said in a working directory: /claude-code and the parts of its path."""
    parts = [scope_part(part) for part in re.split(r"[/\\]+", directory) if part]
    scope = "/".join(["/claude-code", *parts])
    return scope if len(scope.encode()) <= _LONGEST_SCOPE else f"/claude-code/{scope_part(directory)}"


def transcript_rows(path: Path) -> Iterator[Row]:
    """The rows of one transcript."""
    try:
        with path.open("rb") as file:
            for number, line in json_lines(file):
                where = f"{path}, line {number}"
                if isinstance(line, ValueError):
                    yield broken(where, line)
                elif isinstance(line, dict) and line.get("type") in _ROLES:
                    yield Row(where, partial(_message, line))
    except OSError as error:
        yield broken(str(path), error)


def _message(line: dict[str, Any]) -> Fields:
    """What was said; nothing for results of tools, thoughts, subagents, and what Claude Code inserted."""
    if line.get("isMeta") or line.get("isSidechain") or line.get("isApiErrorMessage"):
        return {}
    text = _INSERTED.sub("", _text(line["message"]["content"])).strip()
    if not text or _NOT_SAID.match(text):
        return {}
    directory = str(line.get("cwd") or "")
    about = {
        "role": line["type"],
        "session": line.get("sessionId"),
        "project": directory,
        "branch": line.get("gitBranch"),
        "model": line["message"].get("model"),
        "message": line["uuid"],
    }
    return {
        "id": key_id("claude-code", str(line["uuid"])),
        "content": clean(text),
        "scope": project_scope(directory),
        "metadata": {name: clean(str(value)) for name, value in about.items() if value},
        "categories": ["summary"] if line.get("isCompactSummary") else [],
        "created_at": first_date(line.get("timestamp")),
    }


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block.get("type") == "text")
