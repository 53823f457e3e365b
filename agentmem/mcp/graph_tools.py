"""The nine tools of the reference memory server, with its names, schemas and texts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from .graph import Graph
from .knowledge import KnowledgeGraph
from .pages import page
from .sdk import CallToolResult, MCPServer
from .search import search_nodes as search
from .tools import add_tool, result


class Entity(BaseModel):
    """An entity with its observations."""

    name: str = Field(description="The name of the entity")
    entityType: str = Field(description="The type of the entity")  # noqa: N815
    observations: list[str] = Field(description="An array of observation contents associated with the entity")


class Relation(BaseModel):
    """A relation from one entity to another."""

    source: str = Field(alias="from", description="The name of the entity where the relation starts")
    target: str = Field(alias="to", description="The name of the entity where the relation ends")
    relationType: str = Field(description="The type of the relation")  # noqa: N815


class NewObservations(BaseModel):
    """Observations to add to an entity."""

    entityName: str = Field(description="The name of the entity to add the observations to")  # noqa: N815
    contents: list[str] = Field(description="An array of observation contents to add")


class OldObservations(BaseModel):
    """Observations to delete from an entity."""

    entityName: str = Field(description="The name of the entity containing the observations")  # noqa: N815
    observations: list[str] = Field(description="An array of observations to delete")


class Added(BaseModel):
    """The observations that were added to an entity."""

    entityName: str  # noqa: N815
    addedObservations: list[str]  # noqa: N815


class Entities(BaseModel):
    """The entities that were created."""

    entities: list[Entity]


class Relations(BaseModel):
    """The relations that were created."""

    relations: list[Relation]


class Results(BaseModel):
    """What was added to each entity."""

    results: list[Added]


class Done(BaseModel):
    """The confirmation of a deletion."""

    success: bool
    message: str


class GraphPage(BaseModel):
    """Entities and relations; the cursor is there only if more follow."""

    entities: list[Entity]
    relations: list[Relation]
    nextCursor: str | None = Field(None, description="Pass it as cursor to read on")  # noqa: N815


Cursor = Annotated[str | None, Field(description="nextCursor of the result before, to read on")]
Limit = Annotated[int | None, Field(ge=1, description="At most this many entities and relations a page")]


def add_graph_tools(server: MCPServer, knowledge: KnowledgeGraph, read_only: bool) -> None:
    """Offer the tools; of a store that is only read, those that read."""

    def create_entities(entities: list[Entity]) -> Annotated[CallToolResult, Entities]:
        """Create multiple new entities in the knowledge graph"""
        created = knowledge.create_entities(_items(entities))
        return result({"entities": created}, created)

    def create_relations(relations: list[Relation]) -> Annotated[CallToolResult, Relations]:
        """Create multiple new relations between entities in the knowledge graph. Relations should be in active voice"""  # noqa: E501
        created = knowledge.create_relations(_items(relations))
        return result({"relations": created}, created)

    def add_observations(observations: list[NewObservations]) -> Annotated[CallToolResult, Results]:
        """Add new observations to existing entities in the knowledge graph"""
        added = knowledge.add_observations(_items(observations))
        return result({"results": added}, added)

    def delete_entities(
        entityNames: Annotated[list[str], Field(description="An array of entity names to delete")],  # noqa: N803
    ) -> Annotated[CallToolResult, Done]:
        """Delete multiple entities and their associated relations from the knowledge graph"""
        knowledge.delete_entities(entityNames)
        return _done("Entities deleted successfully")

    def delete_observations(deletions: list[OldObservations]) -> Annotated[CallToolResult, Done]:
        """Delete specific observations from entities in the knowledge graph"""
        knowledge.delete_observations(_items(deletions))
        return _done("Observations deleted successfully")

    def delete_relations(
        relations: Annotated[list[Relation], Field(description="An array of relations to delete")],
    ) -> Annotated[CallToolResult, Done]:
        """Delete multiple relations from the knowledge graph"""
        knowledge.delete_relations(_items(relations))
        return _done("Relations deleted successfully")

    def read_graph(limit: Limit = None, cursor: Cursor = None) -> Annotated[CallToolResult, GraphPage]:
        """Read the entire knowledge graph"""
        return _graph(knowledge.read(), "read_graph", cursor, limit)

    def search_nodes(
        query: Annotated[
            str,
            Field(
                description="The search query to match against entity names, types, and observation content"
            ),
        ],
        limit: Annotated[int | None, Field(ge=1, le=200, description="At most this many entities")] = None,
        entityTypes: Annotated[  # noqa: N803
            list[str] | None, Field(description="Only entities of these types")
        ] = None,
        minScore: Annotated[  # noqa: N803
            float | None,
            Field(ge=0, le=1, description="Only entities that are relevant with this probability"),
        ] = None,
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, GraphPage]:
        """Search for nodes in the knowledge graph based on a query"""
        return _graph(search(knowledge, query, limit, entityTypes, minScore), "search_nodes", cursor)

    def open_nodes(
        names: Annotated[list[str], Field(description="An array of entity names to retrieve")],
        cursor: Cursor = None,
    ) -> Annotated[CallToolResult, GraphPage]:
        """Open specific nodes in the knowledge graph by their names"""
        return _graph(knowledge.open(names), "open_nodes", cursor)

    if not read_only:
        add_tool(server, create_entities, title="Create Entities")
        add_tool(server, create_relations, title="Create Relations")
        add_tool(server, add_observations, title="Add Observations")
        add_tool(server, delete_entities, title="Delete Entities", deletes=True)
        add_tool(server, delete_observations, title="Delete Observations", deletes=True)
        add_tool(server, delete_relations, title="Delete Relations", deletes=True)
    add_tool(server, read_graph, title="Read Graph", reads=True)
    add_tool(server, search_nodes, title="Search Nodes", reads=True)
    add_tool(server, open_nodes, title="Open Nodes", reads=True)


def _items(models: list[Any]) -> list[dict[str, Any]]:
    return [model.model_dump(by_alias=True) for model in models]


def _done(message: str) -> CallToolResult:
    return result({"success": True, "message": message}, message)


def _graph(graph: Graph, tool: str, cursor: str | None, limit: int | None = None) -> CallToolResult:
    """A page of the graph; if more follow, how to read on."""
    shown, following = page(graph, cursor, limit)
    items = shown.to_dict()
    if following is None:
        return result(items)
    note = (
        f"This is a part: {len(shown.entities)} of {len(graph.entities)} entities and "
        f"{len(shown.relations)} of {len(graph.relations)} relations. "
        f'To read on, call {tool} again with cursor="{following}".'
    )
    return result({**items, "nextCursor": following}, items, note)
