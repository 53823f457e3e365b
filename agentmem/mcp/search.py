"""Search in the knowledge graph: ranked entities first, then those that contain the query literally."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from agentmem._adapters import clean, relevant

from .graph import Entity, Graph
from .knowledge import KnowledgeGraph

_BEST = 20
# How many observations are ranked for each entity that is wanted.
_OBSERVATIONS = 10


def search_nodes(
    knowledge: KnowledgeGraph,
    query: str,
    limit: int | None = None,
    types: Sequence[str] | None = None,
    min_score: float | None = None,
) -> Graph:
    """Find entities by their names, types and observations, best first, and the relations that touch them.

    Without a limit, these are the best 20, and all others that contain the query, in any case of letters, so
    that whatever a search for substrings finds is found. Without a least score, the ranked ones are those
    that probably answer; with it, they are those that reach it, and there are no others.
    """
    graph = knowledge.read()
    entities = {entity.name: entity for entity in graph.entities if types is None or entity.kind in types}
    names = _ranked(knowledge, query, limit or _BEST, types, min_score)
    found = {name: entities[name] for name in names if name in entities}
    if min_score is None:
        found |= {entity.name: entity for entity in _containing(query, entities.values())}
    best = [replace(entity, key=place) for place, entity in enumerate(found.values(), 1)]
    return graph.around(best[:limit])


def _ranked(
    knowledge: KnowledgeGraph, query: str, limit: int, types: Sequence[str] | None, min_score: float | None
) -> list[str]:
    """The names of the best entities; an entity is as good as the best of what is known about it."""
    where: dict[str, Any] = {"kind": {"$in": ["entity", "observation"]}}
    if types is not None:
        where["type"] = {"$in": [*types]}
    hits = knowledge.store.search(
        clean(query), limit * _OBSERVATIONS, min_score=min_score or 0.0, scope=knowledge.scope, where=where
    )
    chosen = relevant(hits) if min_score is None else hits
    return list(dict.fromkeys(str(hit.record.metadata.get("entity")) for hit in chosen))[:limit]


def _containing(query: str, entities: Iterable[Entity]) -> list[Entity]:
    """The entities of which some text contains the query."""
    wanted = query.lower()
    return [
        entity
        for entity in entities
        if wanted in entity.name.lower()
        or wanted in entity.kind.lower()
        or any(wanted in observation.text.lower() for observation in entity.observations)
    ]
