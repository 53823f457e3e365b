"""The MCP server keeps its graph in memory, and sees what others write."""

import random
from datetime import timedelta

import pytest

import agentmem
from agentmem.mcp.followed import FollowedGraph
from agentmem.mcp.knowledge import KnowledgeGraph


def entity(name, *observations):
    return {"name": name, "entityType": "thing", "observations": list(observations)}


def observations(graph):
    return {node.name: [each.text for each in node.observations] for node in graph.read().entities}


@pytest.fixture
def store(tmp_path):
    with agentmem.open(tmp_path / "memory.db", durability="normal") as store:
        yield store


@pytest.fixture
def graph(store):
    """A graph that has been read once."""
    graph = KnowledgeGraph(store)
    graph.create_entities([entity("a", "one"), entity("b")])
    graph.read()
    return graph


def test_a_graph_sees_what_others_write(store, graph):
    other = KnowledgeGraph(store)
    other.add_observations([{"entityName": "a", "contents": ["two"]}])
    assert observations(graph) == {"a": ["one", "two"], "b": []}
    other.create_relations([{"from": "a", "to": "b", "relationType": "knows"}])
    assert len(graph.read().relations) == 1
    other.delete_observations([{"entityName": "a", "observations": ["one"]}])
    other.delete_entities(["b"])
    assert observations(graph) == {"a": ["two"]}
    assert graph.read().relations == []


def test_a_graph_without_changes_is_not_read_again(store, graph, monkeypatch):
    before = graph.read()
    monkeypatch.setattr(store, "list", None)
    assert graph.read() is before
    store.add("a memory beside the graph")
    assert graph.read() is before


def test_what_expires_leaves_the_graph(store, graph):
    (observation,) = [record for record in store.list() if record.content == "a: one"]
    store.touch(observation.id, expires_at=observation.created_at - timedelta(days=1))
    assert observations(graph) == {"a": [], "b": []}


def test_many_changes_are_read_at_once(graph, store):
    KnowledgeGraph(store).create_entities([entity(str(number)) for number in range(1500)])
    assert len(graph.read().entities) == 1502


def test_a_followed_graph_equals_one_that_is_read_anew(store, graph):
    chance = random.Random(1)
    for _ in range(60):
        name, text = chance.choice("abcd"), chance.choice(["one", "two", "three"])
        edge = {"from": "a", "to": name, "relationType": text}
        known = {node.name for node in graph.read().entities}
        match chance.randrange(6):
            case 0:
                graph.create_entities([entity(name, text)])
            case 1 if name in known:
                graph.add_observations([{"entityName": name, "contents": [text]}])
            case 2 if {"a", name} <= known:
                graph.create_relations([edge])
            case 3:
                graph.delete_observations([{"entityName": name, "observations": [text]}])
            case 4:
                graph.delete_relations([edge])
            case 5:
                graph.delete_entities([name])
        assert graph.read() == FollowedGraph(store, graph.scope).read()
