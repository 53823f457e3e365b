"""What a read of the knowledge graph returns: entities with their observations, and relations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agentmem import Record


@dataclass(frozen=True)
class Observation:
    """A fact about an entity. Keys rise in the order of the entity's observations."""

    key: int
    text: str


@dataclass(frozen=True)
class Entity:
    """A node. Keys rise in the order of a graph's entities."""

    key: int
    name: str
    kind: str
    observations: list[Observation] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The entity as the protocol has it."""
        texts = [observation.text for observation in self.observations]
        return {"name": self.name, "entityType": self.kind, "observations": texts}


@dataclass(frozen=True)
class Relation:
    """An edge. Keys rise in the order of a graph's relations."""

    key: int
    source: str
    target: str
    kind: str

    def to_dict(self) -> dict[str, Any]:
        """The relation as the protocol has it."""
        return {"from": self.source, "to": self.target, "relationType": self.kind}


@dataclass(frozen=True)
class Graph:
    """Entities and relations, or some of them."""

    entities: list[Entity] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The graph as the protocol has it."""
        return {
            "entities": [entity.to_dict() for entity in self.entities],
            "relations": [relation.to_dict() for relation in self.relations],
        }

    def around(self, entities: list[Entity]) -> Graph:
        """Some of the entities, with the relations that touch them."""
        names = {entity.name for entity in entities}
        touching = [edge for edge in self.relations if edge.source in names or edge.target in names]
        return Graph(entities, touching)


def graph_of(records: Iterable[Record]) -> Graph:
    """The graph that these records are, in the order of their versions. Other records are left out."""
    entities: dict[str, Entity] = {}
    observations: list[tuple[str, Observation]] = []
    relations: list[Relation] = []
    for record in records:
        key = record.version or 0
        match record.metadata:
            case {"kind": "entity", "entity": str(name), "type": str(kind)}:
                entities[name] = Entity(key, name, kind)
            case {"kind": "observation", "entity": str(name)}:
                text = record.content.removeprefix(f"{name}: ")
                observations.append((name, Observation(key, text)))
            case {"kind": "relation", "from": str(source), "to": str(target), "type": str(kind)}:
                relations.append(Relation(key, source, target, kind))
    for name, observation in observations:
        if name in entities:
            entities[name].observations.append(observation)
    return Graph(list(entities.values()), relations)
