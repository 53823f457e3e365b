"""Claude's account export: conversations with their attachments, memories, and documents of projects."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from agentmem._adapters import clean, key_id, scope_part

from .archive import ExportFile
from .chats import Conversation, conversation_rows, find_conversations
from .json_files import document
from .source import Fields, Row, Source, broken, first_date

_ROLES = {"human": "user", "assistant": "assistant"}


def open_source(path: Path, scratch: Path) -> Source:
    """Open an export: the zip, its folder, or conversations.json."""
    chats, others = find_conversations(path)
    return Source(0, chain(conversation_rows(chats, _rows), _other_rows(others)), str(path))


def _rows(conversation: Conversation, where: str) -> Iterator[Row]:
    id = str(conversation["uuid"])
    about = {"conversation": clean(id), "title": clean(conversation.get("name") or "")}
    if account := (conversation.get("account") or {}).get("uuid"):
        about["user"] = clean(str(account))
    began = conversation.get("created_at")
    for number, message in enumerate(conversation["chat_messages"], 1):
        place = f"{where}, message {number}"
        try:
            attachments = message.get("attachments") or []
            yield Row(place, partial(_message, message, id, about, began))
            for file, attachment in enumerate(attachments):
                yield Row(place, partial(_attachment, attachment, file, message, id, about, began))
        except (AttributeError, TypeError) as error:
            yield broken(place, error)


def _message(message: dict[str, Any], conversation: str, about: dict[str, str], began: Any) -> Fields:
    blocks = message.get("content") or []
    said = [block.get("text") for block in blocks if block.get("type") == "text"]
    text = "\n".join(part for part in said if part) or message.get("text") or ""
    role = _ROLES.get(message["sender"])
    if role is None or not text.strip():
        return {}
    return _record(conversation, [str(message["uuid"])], text, {**about, "role": role}, message, began)


def _attachment(
    attachment: dict[str, Any],
    number: int,
    message: dict[str, Any],
    conversation: str,
    about: dict[str, str],
    began: Any,
) -> Fields:
    """The text that Claude read from a file."""
    text = attachment.get("extracted_content")
    if not text or not text.strip():
        return {}
    metadata = {**about, "file": clean(str(attachment.get("file_name")))}
    key = [str(message["uuid"]), "attachment", str(number)]
    return _record(conversation, key, text, metadata, message, began)


def _record(
    conversation: str, key: list[str], text: str, metadata: dict[str, str], message: Any, began: Any
) -> Fields:
    return {
        "id": key_id("claude", conversation, *key),
        "content": clean(text),
        "scope": f"/claude/{scope_part(conversation)}",
        "metadata": {**metadata, "message": clean(key[0])},
        "created_at": first_date(message.get("created_at"), began),
    }


def _other_rows(files: list[ExportFile]) -> Iterator[Row]:
    """The rows of memories.json and projects.json, or of the folders that newer exports have instead."""
    for file in files:
        make = next((make for name, make in _OTHERS.items() if _is(file, name)), None)
        if make is None:
            continue
        try:
            with file.open() as opened:
                value = document(opened)
            for item in value if isinstance(value, list) else [value]:
                yield from make(item, str(file))
        except Exception as error:  # a damaged file does not stop the others
            yield broken(str(file), error)


def _is(file: ExportFile, name: str) -> bool:
    return file.parts[-1] == f"{name}.json" or file.parts[-2:-1] == (name,)


def _memories(item: dict[str, Any], where: str) -> Iterator[Row]:
    account = str(item.get("account_uuid") or "")
    texts = {"": item.get("conversations_memory"), **(item.get("project_memories") or {})}
    for project, text in texts.items():
        yield Row(where, partial(_memory, account, project, text))


def _memory(account: str, project: str, text: str | None) -> Fields:
    if not text or not text.strip():
        return {}
    about = {"user": account, "project": project}
    return {
        "id": key_id("claude", "memory", account, project),
        "content": clean(text),
        "scope": _project_scope(project) if project else "/claude",
        "metadata": {name: clean(value) for name, value in about.items() if value},
        "categories": ["memory"],
    }


def _projects(item: dict[str, Any], where: str) -> Iterator[Row]:
    for paper in item.get("docs") or []:
        yield Row(where, partial(_paper, paper, item))


def _paper(paper: dict[str, Any], project: dict[str, Any]) -> Fields:
    """A document that the project knows."""
    text, id, name = paper.get("content"), str(project["uuid"]), str(paper.get("filename") or "")
    if not text or not text.strip():
        return {}
    about = {"project": id, "title": str(project.get("name") or ""), "file": name}
    return {
        "id": key_id("claude", "document", id, str(paper.get("uuid") or name)),
        "content": clean(text),
        "scope": _project_scope(id),
        "metadata": {key: clean(value) for key, value in about.items()},
        "created_at": first_date(paper.get("created_at"), project.get("created_at")),
    }


def _project_scope(project: str) -> str:
    return f"/claude/projects/{scope_part(project)}"


_OTHERS = {"memories": _memories, "projects": _projects}
