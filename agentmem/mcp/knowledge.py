"""The knowledge graph in a store: writes that lose nothing between processes, and reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentmem import MemoryStore, Record, RecordNotFoundError
from agentmem._adapters import clean, distinct, retry_on_conflict

from .followed import FollowedGraph
from .graph import Graph, graph_of, piece_of
from .records import (
    Fields,
    entity_id,
    entity_record,
    graph_scope,
    observation_id,
    observation_record,
    relation_id,
    relation_record,
)

Item = dict[str, Any]
"""An entity, a relation, or observations of one entity, as the protocol has them."""


class KnowledgeGraph:
    """Entities with observations, and relations between them, in one scope of a store.

    Each write is one transaction. It checks that the entities that it depends on are still there.
    """

    def __init__(self, store: MemoryStore, scope: str = "/") -> None:
        """Take the store, and the scope in which the graph has a scope of its own."""
        self.store = store
        self.scope = graph_scope(scope)
        self._whole = FollowedGraph(store, self.scope)

    @retry_on_conflict
    def create_entities(self, entities: list[Item]) -> list[Item]:
        """Create the entities whose names are new, with their observations, and return them."""
        wanted: dict[str, Item] = {}
        for entity in entities:
            wanted.setdefault(distinct(entity["name"]), entity)
        known = self._entities(wanted)
        created = []
        with self.store.batch() as batch:
            for name, entity in wanted.items():
                if name in known:
                    continue
                kind = clean(entity["entityType"])
                texts = list(dict.fromkeys(map(clean, entity["observations"])))
                batch.put(entity_record(self.scope, name, kind), if_version=0)
                for text in texts:
                    batch.put(observation_record(self.scope, name, kind, text))
                created.append({"name": name, "entityType": kind, "observations": texts})
        return created

    @retry_on_conflict
    def create_relations(self, relations: list[Item]) -> list[Item]:
        """Create the relations that are new, and return them.

        Raises RecordNotFoundError, and creates none, if an entity is missing.
        """
        wanted = dict.fromkeys(map(_edge, relations))
        ends = self._entities([end for edge in wanted for end in edge[:2]])
        for edge in wanted:
            _require(ends, *edge[:2])
        with self.store.batch() as batch:
            for record in ends.values():
                batch.check(record.id, if_version=record.version or 0)
            adds = [
                (edge, batch.add(relation_record(self.scope, *edge), on_conflict="skip")) for edge in wanted
            ]
        return [
            {"from": edge[0], "to": edge[1], "relationType": edge[2]} for edge, add in adds if add.written
        ]

    @retry_on_conflict
    def add_observations(self, observations: list[Item]) -> list[Item]:
        """Add the observations that are new, and return them by entity.

        Raises RecordNotFoundError, and adds none, if an entity is missing.
        """
        wanted = [(distinct(item["entityName"]), [*map(clean, item["contents"])]) for item in observations]
        names = [name for name, _ in wanted]
        entities = self._entities(names)
        _require(entities, *names)
        with self.store.batch() as batch:
            for record in entities.values():
                batch.check(record.id, if_version=record.version or 0)
            adds = [
                [batch.add(self._observation(entities[name], text), on_conflict="skip") for text in texts]
                for name, texts in wanted
            ]
        return [
            {
                "entityName": name,
                "addedObservations": [text for text, add in zip(texts, calls, strict=True) if add.written],
            }
            for (name, texts), calls in zip(wanted, adds, strict=True)
        ]

    def delete_entities(self, names: list[str]) -> None:
        """Delete entities with their observations, and the relations that touch them."""
        self.store.delete(scope=self.scope, where=_about(names))

    def delete_observations(self, deletions: list[Item]) -> None:
        """Delete observations."""
        self.store.delete(
            [
                observation_id(self.scope, distinct(item["entityName"]), clean(text))
                for item in deletions
                for text in item["observations"]
            ]
        )

    def delete_relations(self, relations: list[Item]) -> None:
        """Delete relations."""
        self.store.delete([relation_id(self.scope, *edge) for edge in map(_edge, relations)])

    def read(self) -> Graph:
        """The whole graph, in the order in which it was written. It is kept: do not change it."""
        return self._whole.read()

    def open(self, names: list[str]) -> Graph:
        """The entities with these names, and the relations that touch them."""
        records = self.store.list(None, order="written", scope=self.scope, where=_about(names))
        graph = graph_of(map(piece_of, records))
        return graph.around(graph.entities)

    def _entities(self, names: Iterable[str]) -> dict[str, Record]:
        """The records of the entities that exist, by name."""
        ids = {entity_id(self.scope, name): name for name in names}
        found = self.store.get_many(list(ids), include_private=True)
        return {ids[record.id]: record for record in found if record is not None}

    def _observation(self, entity: Record, text: str) -> Fields:
        return observation_record(self.scope, entity.metadata["entity"], entity.metadata["type"], text)


def _edge(relation: Item) -> tuple[str, str, str]:
    return distinct(relation["from"]), distinct(relation["to"]), distinct(relation["relationType"])


def _about(names: Iterable[str]) -> dict[str, Any]:
    """The condition that a record is an entity with one of the names, or is about one."""
    among = {"$in": [*map(distinct, names)]}
    return {"$or": [{"entity": among}, {"from": among}, {"to": among}]}


def _require(entities: dict[str, Record], *names: str) -> None:
    for name in names:
        if name not in entities:
            raise RecordNotFoundError(f"Entity with name {name} not found", name)
