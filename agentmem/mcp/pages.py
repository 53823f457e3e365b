"""Pages of a graph: as much as a client takes at once, and a cursor for the rest.

A graph is a sequence of pieces: each entity, followed by its observations, and then the relations. The cursor
has the keys of the last piece of a page, so that readers of a graph that grows miss nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agentmem import InvalidFilterError

from .graph import Entity, Graph, Observation, Relation

MOST_CHARACTERS = 40_000
"""The size of a page as indented JSON. A single observation that is longer still comes whole."""

_Position = tuple[int, int, int]


def page(graph: Graph, cursor: str | None = None, limit: int | None = None) -> tuple[Graph, str | None]:
    """The part of the graph after the cursor, and the cursor for the next part, if there is one.

    An entity whose observations do not fit goes on in the next part. `limit` is the largest number of
    entities and relations in a part. Raises InvalidFilterError for a cursor that no page has returned.
    """
    start, last = _position(cursor), None
    entities: dict[int, Entity] = {}
    relations: list[Relation] = []
    room = MOST_CHARACTERS
    for position, entity, piece in _pieces(graph):
        if position <= start:
            continue
        begins = entity is None or entity.key not in entities
        room -= _size(entity, piece, begins)
        full = limit is not None and begins and len(entities) + len(relations) >= limit
        if last is not None and (room < 0 or full):
            return Graph(list(entities.values()), relations), ".".join(map(str, last))
        if isinstance(piece, Relation):
            relations.append(piece)
        elif entity is not None:
            shown = entities.setdefault(entity.key, entity.having([]))
            shown.observations.extend([piece] if piece else [])
        last = position
    return Graph(list(entities.values()), relations), None


def _pieces(graph: Graph) -> Iterator[tuple[_Position, Entity | None, Observation | Relation | None]]:
    for entity in graph.entities:
        yield (0, entity.key, 0), entity, None
        for observation in entity.observations:
            yield (0, entity.key, observation.key), entity, observation
    for relation in graph.relations:
        yield (1, relation.key, 0), None, relation


def _size(entity: Entity | None, piece: Observation | Relation | None, begins: bool) -> int:
    """The characters that a piece adds to a page."""
    size = json_size(entity.having([]).to_dict(), 2) if entity and begins else 0
    if isinstance(piece, Observation):
        return size + json_size(piece.text, 4)
    return size + (json_size(piece.to_dict(), 2) if piece else 0)


def json_size(item: Any, depth: int) -> int:
    """The characters of an item of a list, in JSON with an indentation of two, at this depth."""
    text = json.dumps(item, indent=2, ensure_ascii=False)
    return len(text) + 2 * depth * (text.count("\n") + 1) + len(",\n")


def _position(cursor: str | None) -> _Position:
    if cursor is None:
        return (-1, 0, 0)
    parts = cursor.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise InvalidFilterError(f"invalid filter: {cursor[:50]!r} is not a cursor of this tool")
    return (int(parts[0]), int(parts[1]), int(parts[2]))
