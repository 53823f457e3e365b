"""Account exports and transcripts in the shapes that the services write, for the tests of importers."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any


def chatgpt_conversation(id: str = "c1", **messages: dict[str, Any]) -> dict[str, Any]:
    """A conversation of ChatGPT's export: a tree of nodes, of which the root has no message."""
    nodes: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": []}}
    for key, message in messages.items():
        nodes[key] = {"id": key, "message": {"id": key, **message}, "parent": "root", "children": []}
    return {
        "id": id,
        "conversation_id": id,
        "title": "Tea",
        "create_time": 1704067200.0,
        "update_time": 1704067300.0,
        "mapping": nodes,
        "current_node": next(reversed(nodes)),
    }


def said(role: str, text: str, at: float | None = 1704067201.5, **more: Any) -> dict[str, Any]:
    """A message of ChatGPT's export."""
    return {
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": at,
        "content": {"content_type": "text", "parts": [text]},
        "status": "finished_successfully",
        "metadata": {},
        "recipient": "all",
        **more,
    }


def claude_conversation(*messages: dict[str, Any], uuid: str = "c1") -> dict[str, Any]:
    """A conversation of Claude's export."""
    return {
        "uuid": uuid,
        "name": "Tea",
        "summary": "",
        "created_at": "2025-01-01T12:00:00.000000Z",
        "updated_at": "2025-01-02T12:00:00.000000Z",
        "account": {"uuid": "account-1"},
        "chat_messages": list(messages),
    }


def claude_message(uuid: str, sender: str, text: str, **more: Any) -> dict[str, Any]:
    """A message of Claude's export."""
    return {
        "uuid": uuid,
        "text": text,
        "content": [{"type": "text", "text": text, "citations": []}],
        "sender": sender,
        "created_at": "2025-01-01T12:00:01.000000Z",
        "updated_at": "2025-01-01T12:00:01.000000Z",
        "attachments": [],
        "files": [],
        **more,
    }


def transcript_line(uuid: str, role: str, content: Any, **more: Any) -> dict[str, Any]:
    """A line of a transcript of Claude Code."""
    message = {"role": role, "content": content, **({"model": "claude-x"} if role == "assistant" else {})}
    return {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/me/shop",
        "sessionId": "s1",
        "version": "2.1.12",
        "gitBranch": "main",
        "type": role,
        "message": message,
        "uuid": uuid,
        "timestamp": "2026-01-20T11:57:17.716Z",
        **more,
    }


def write_json(path: Path, value: Any) -> Path:
    """Write a value as a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_lines(path: Path, *values: Any) -> Path:
    """Write values as lines of JSON; text is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (value if isinstance(value, str) else json.dumps(value) for value in values)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def write_zip(path: Path, **files: Any) -> Path:
    """Write values as JSON files of a zip; `__` in a name is a slash."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            text = value if isinstance(value, str) else json.dumps(value)
            archive.writestr(f"{name.replace('__', '/')}.json", text)
    return path


def fingerprint(folder: Path) -> dict[str, bytes]:
    """The names and contents of all files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}
