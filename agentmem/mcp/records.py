"""The knowledge graph as records: each entity, observation and relation is one record.

The id of a record follows from what it says, so that adding the same twice, by any process, adds it once. The
content is a sentence that is found and read on its own; the metadata has the parts.
"""

from __future__ import annotations

from typing import Any

from agentmem import InvalidFilterError, Record
from agentmem._adapters import key_id

Fields = dict[str, Any]

_PART = "knowledge-graph"


def root_scope(scope: str) -> str:
    """A server's scope as the beginning of scopes: "/a/b", or nothing for the root.

    Raises InvalidFilterError for a scope inside a graph, and InvalidRecordError for one that no record can
    have.
    """
    parts = [part for part in scope.split("/") if part]
    if _PART in parts:
        raise InvalidFilterError(f"invalid filter: {scope!r} is inside a knowledge graph")
    Record("", scope="/".join(["", *parts, _PART]))
    return "".join(f"/{part}" for part in parts)


def graph_scope(scope: str) -> str:
    """The scope of the graph of a server with this scope."""
    return f"{root_scope(scope)}/{_PART}"


def entity_id(scope: str, name: str) -> str:
    """The id of an entity."""
    return key_id("mcp", scope, "entity", name)


def observation_id(scope: str, entity: str, text: str) -> str:
    """The id of an observation."""
    return key_id("mcp", scope, "observation", entity, text)


def relation_id(scope: str, source: str, target: str, kind: str) -> str:
    """The id of a relation."""
    return key_id("mcp", scope, "relation", source, target, kind)


def entity_record(scope: str, name: str, kind: str) -> Fields:
    """The fields of an entity's record: "Alice (person)"."""
    return {
        "id": entity_id(scope, name),
        "content": f"{name} ({kind})",
        "scope": scope,
        "metadata": {"kind": "entity", "entity": name, "type": kind},
    }


def observation_record(scope: str, entity: str, kind: str, text: str) -> Fields:
    """The fields of an observation's record: "Alice: works at Acme"."""
    return {
        "id": observation_id(scope, entity, text),
        "content": f"{entity}: {text}",
        "scope": scope,
        "metadata": {"kind": "observation", "entity": entity, "type": kind},
    }


def relation_record(scope: str, source: str, target: str, kind: str) -> Fields:
    """The fields of a relation's record: "Alice works_at Acme"."""
    return {
        "id": relation_id(scope, source, target, kind),
        "content": f"{source} {kind} {target}",
        "scope": scope,
        "metadata": {"kind": "relation", "from": source, "to": target, "type": kind},
    }
