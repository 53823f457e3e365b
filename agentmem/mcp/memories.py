"""Memories in a scope of a store, as a client sees them: scopes begin at the server's scope."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from agentmem import InvalidRecordError, MemoryStore, Record
from agentmem._adapters import clean, contains, distinct, relevant, retry_on_conflict

from .knowledge import KnowledgeGraph
from .pages import MOST_CHARACTERS, json_size
from .records import root_scope

# Longer contents and metadata are shown in part, so that one memory leaves room for others.
_LONGEST_CONTENT = 8_000
_LONGEST_METADATA = 4_000
# How much of a long content is shown before the passage that answers.
_BEFORE = 200
# memory_stats names at most this many scopes and categories.
_MOST_NAMES = 100


class Memories:
    """The records in the server's scope and below, those of the knowledge graph among them.

    Private records are invisible here. No id reaches a record outside.
    """

    def __init__(self, store: MemoryStore, scope: str = "/") -> None:
        """Take the store, and the scope that is the root for clients."""
        self.store = store
        self.root = root_scope(scope)
        self.knowledge = KnowledgeGraph(store, scope)

    def inside(self, scope: str | None) -> str:
        """The store's scope for a client's."""
        parts = [part for part in (scope or "").split("/") if part]
        return "/".join([self.root, *map(distinct, parts)]) or "/"

    @retry_on_conflict
    def remember(self, content: str, id: str | None, fields: dict[str, Any]) -> str:
        """Store a memory and return its id; with an id, replace the memory that has it.

        Raises InvalidRecordError for the scope of the graph, and for an id of something that is no memory.
        """
        if contains(self.knowledge.scope, fields["scope"]):
            raise InvalidRecordError("this scope is that of the knowledge graph; choose another one")
        fields = {"content": clean(content), **fields}
        if id is None:
            return self.store.add_many([fields])[0]
        id = distinct(id)
        (there,) = self.store.get_many([id], include_private=True)
        if there is not None and not self._is_plain(there):
            raise InvalidRecordError(f"the id {id!r} is in use by something else; choose another one")
        version = 0 if there is None else there.version
        return self.store.put(**fields, id=id, if_version=version)

    def recall(
        self, query: str, limit: int, offset: int, scope: str | None, min_score: float | None, **filters: Any
    ) -> list[dict[str, Any]]:
        """The memories that answer a query, best first; without a least score, those that earn a place."""
        hits = self.store.search(
            clean(query), offset + limit, min_score=min_score or 0.0, scope=self.inside(scope), **filters
        )
        hits = (relevant(hits) if min_score is None else hits)[offset:]
        return [
            {**self.to_dict(hit.record, _start(hit.passage)), "score": round(hit.score, 3)} for hit in hits
        ]

    def forget(self, ids: list[str]) -> int:
        """Delete memories and return how many. An entity leaves with all that is known about it."""
        found = {
            record.id: record
            for record in self.store.get_many([*map(distinct, ids)])
            if record and self._sees(record)
        }
        entities = [
            str(record.metadata["entity"])
            for record in found.values()
            if record.scope == self.knowledge.scope and record.metadata.get("kind") == "entity"
        ]
        if entities:
            self.knowledge.delete_entities(entities)
        self.store.delete(list(found), scope=self.inside(None))
        return len(found)

    def stats(self) -> dict[str, Any]:
        """Numbers, scopes, categories and dates of the memories, and whether the store is undamaged."""
        root = self.inside(None)
        info = self.store.scope_info(root)
        scopes = self.store.scopes(root, recursive=True, limit=_MOST_NAMES)
        return {
            "records": info.records,
            "scopes": [self._shown(scope) for scope in scopes],
            "categories": dict(list(info.categories.items())[:_MOST_NAMES]),
            "oldest": info.oldest.isoformat() if info.oldest else None,
            "newest": info.newest.isoformat() if info.newest else None,
            "ok": self.store.verify().ok,
        }

    def to_dict(self, record: Record, start: int = 0) -> dict[str, Any]:
        """A memory, its content from a character on; "part" says what of it is not shown."""
        end = start + _LONGEST_CONTENT
        content, metadata, parts = record.content, record.metadata, []
        if start > 0 or len(content) > end:
            parts.append(f"characters {start} to {min(end, len(content))} of {len(content)}")
        if len(content) > end:
            parts.append(f"list_memories with ids=[{json.dumps(record.id)}] and start={end} reads on")
        if (size := len(json.dumps(metadata))) > _LONGEST_METADATA:
            metadata = {}
            parts.append(f"{size} characters of metadata are left out")
        return {
            "id": record.id,
            "content": content[start:end],
            "scope": self._shown(record.scope),
            "categories": list(record.categories),
            "created_at": record.created_at.isoformat(),
            "metadata": metadata,
            **({"part": "; ".join(parts)} if parts else {}),
        }

    def _shown(self, scope: str) -> str:
        """A client's scope for the store's."""
        return scope[len(self.root) :] or "/"

    def _sees(self, record: Record) -> bool:
        return not record.private and f"{record.scope.rstrip('/')}/".startswith(self.root + "/")

    def _is_plain(self, record: Record) -> bool:
        """Whether a record is visible here, and is not of the knowledge graph."""
        return self._sees(record) and record.scope != self.knowledge.scope


def _start(passage: tuple[int, int] | None) -> int:
    """Where to begin a content, so that the passage that decided is shown."""
    return max(passage[0] - _BEFORE, 0) if passage and passage[1] > _LONGEST_CONTENT else 0


def fitting(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of the items, at least one, that fit into one result."""
    shown: list[dict[str, Any]] = []
    room = MOST_CHARACTERS
    for item in items:
        room -= json_size(item, 2)
        if shown and room < 0:
            break
        shown.append(item)
    return shown
