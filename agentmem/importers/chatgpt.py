"""ChatGPT's account export: what was said in conversations, and the memories that it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from agentmem._adapters import clean, key_id, scope_part

from .archive import ExportFile
from .chats import Conversation, conversation_rows, find_conversations
from .json_files import document
from .source import Fields, Row, Source, broken, first_date

_ROLES = ("user", "assistant")
_CONTENT = ("text", "multimodal_text")
# The tool with which ChatGPT writes memories.
_MEMORY_TOOL = "bio"


def open_source(path: Path, scratch: Path) -> Source:
    """Open an export: the zip, its folder, or conversations.json."""
    chats, others = find_conversations(path)
    return Source(0, conversation_rows(chats, partial(_rows, _account(others))), str(path))


def _account(files: list[ExportFile]) -> dict[str, str]:
    """The id of the account, as metadata; nothing if the export does not say."""
    for file in files:
        if file.parts[-1] == "user.json":
            try:
                with file.open() as opened:
                    return {"user": clean(str(document(opened)["id"]))}
            except (ValueError, KeyError, TypeError):
                break
    return {}


def _rows(account: dict[str, str], conversation: Conversation, where: str) -> Iterator[Row]:
    id = str(conversation.get("conversation_id") or conversation["id"])
    about = {"conversation": clean(id), "title": clean(conversation.get("title") or ""), **account}
    began = first_date(conversation.get("create_time"), conversation.get("update_time"))
    for key, node in conversation["mapping"].items():
        place = f"{where}, message {key}"
        if not isinstance(node, dict):
            yield broken(place, ValueError("not a JSON object"))
        elif node.get("message") is not None:  # the root of the tree has none
            yield Row(place, partial(_message, node["message"], key, id, about, began))


def _message(message: dict[str, Any], key: str, conversation: str, about: Any, began: Any) -> Fields:
    role, more = message["author"]["role"], message.get("metadata") or {}
    memory = message.get("recipient") == _MEMORY_TOOL
    shown = message.get("recipient") in (None, "all") and not more.get("is_visually_hidden_from_conversation")
    text = _text(message["content"], memory)
    if role not in _ROLES or not (shown or memory) or not text.strip():
        return {}
    id = str(message.get("id") or key)
    metadata = {**about, "message": clean(id), "role": role}
    if isinstance(more.get("model_slug"), str):
        metadata["model"] = clean(more["model_slug"])
    return {
        "id": key_id("chatgpt", conversation, id),
        "content": clean(text),
        "scope": f"/chatgpt/{scope_part(conversation)}",
        "metadata": metadata,
        "categories": ["memory"] if memory else [],
        "created_at": first_date(message.get("create_time")) or began,
    }


def _text(content: dict[str, Any], memory: bool) -> str:
    """What a message says. Images have no text; of speech, there is what was understood."""
    if memory and isinstance(content.get("text"), str):
        return str(content["text"])
    if content.get("content_type", "text") not in _CONTENT:
        return ""
    parts = (part.get("text") if isinstance(part, dict) else part for part in content.get("parts") or ())
    return "\n".join(part for part in parts if isinstance(part, str))
