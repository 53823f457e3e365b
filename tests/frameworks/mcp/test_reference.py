"""What the tests of the reference memory server expect of its nine tools."""

import json

import pytest

WORKS = {
    "entities": [
        {
            "name": "Alice",
            "entityType": "person",
            "observations": ["works at Acme Corp", "likes programming"],
        },
        {"name": "Bob", "entityType": "person", "observations": ["works at TechCo"]},
        {"name": "Acme Corp", "entityType": "company", "observations": ["tech company"]},
    ],
    "relations": [
        {"from": "Alice", "to": "Acme Corp", "relationType": "works_at"},
        {"from": "Bob", "to": "Acme Corp", "relationType": "competitor"},
    ],
}
EMPTY = {"entities": [], "relations": []}


@pytest.fixture
def client(era, new_client):
    return new_client(era)


@pytest.fixture
def works(client):
    client.call("create_entities", entities=WORKS["entities"])
    client.call("create_relations", relations=WORKS["relations"])
    return client


def person(name, *observations):
    return {"name": name, "entityType": "person", "observations": list(observations)}


def relation(source, kind, target):
    return {"from": source, "to": target, "relationType": kind}


def names(graph):
    return [entity["name"] for entity in graph["entities"]]


def test_entities_are_created_and_returned(client):
    entities = [person("Alice", "works at Acme Corp"), person("Bob", "likes programming")]
    answer = client.answer("create_entities", entities=entities)
    assert answer["structuredContent"] == {"entities": entities}
    assert [block["text"] for block in answer["content"]] == [json.dumps(entities, indent=2)]
    assert client.call("read_graph") == {"entities": entities, "relations": []}


def test_entities_that_exist_are_left_alone(client):
    client.call("create_entities", entities=[person("Alice", "works at Acme Corp")])
    again = [person("Alice", "something else"), person("Alice"), person("Bob"), person("Bob", "twice")]
    assert client.call("create_entities", entities=again) == {"entities": [person("Bob")]}
    everyone = [person("Alice", "works at Acme Corp"), person("Bob")]
    assert client.call("read_graph")["entities"] == everyone


@pytest.mark.parametrize(
    ("tool", "key", "answer"),
    [
        ("create_entities", "entities", "entities"),
        ("create_relations", "relations", "relations"),
        ("add_observations", "observations", "results"),
    ],
)
def test_nothing_is_created_of_nothing(client, tool, key, answer):
    assert client.call(tool, **{key: []}) == {answer: []}
    assert client.text(tool, **{key: []}) == "[]"


def test_relations_are_created_once(works):
    new = [relation("Alice", "knows", "Bob"), WORKS["relations"][0], relation("Alice", "knows", "Bob")]
    assert works.call("create_relations", relations=new) == {"relations": new[:1]}
    assert works.call("read_graph")["relations"] == [*WORKS["relations"], new[0]]


def test_relations_to_entities_that_do_not_exist_fail_all(works):
    new = [relation("Alice", "knows", "Bob"), relation("Alice", "knows", "Nobody")]
    assert "Entity with name Nobody not found" in works.error("create_relations", relations=new)
    assert works.call("read_graph")["relations"] == WORKS["relations"]


def test_observations_are_added_once(works):
    added = [
        {"entityName": "Bob", "contents": ["likes coffee", "works at TechCo", "likes coffee"]},
        {"entityName": "Alice", "contents": []},
    ]
    expected = [
        {"entityName": "Bob", "addedObservations": ["likes coffee"]},
        {"entityName": "Alice", "addedObservations": []},
    ]
    answer = works.answer("add_observations", observations=added)
    assert answer["structuredContent"] == {"results": expected}
    assert answer["content"][0]["text"] == json.dumps(expected, indent=2)
    bob = works.call("open_nodes", names=["Bob"])["entities"]
    assert bob == [person("Bob", "works at TechCo", "likes coffee")]


def test_observations_of_an_entity_that_does_not_exist_fail_all(works):
    added = [{"entityName": "Bob", "contents": ["x"]}, {"entityName": "NonExistent", "contents": ["y"]}]
    assert "Entity with name NonExistent not found" in works.error("add_observations", observations=added)
    assert works.call("read_graph") == WORKS


def test_an_entity_leaves_with_its_observations_and_relations(works):
    answer = works.answer("delete_entities", entityNames=["Acme Corp", "NonExistent"])
    assert answer["content"][0]["text"] == "Entities deleted successfully"
    assert answer["structuredContent"] == {"success": True, "message": "Entities deleted successfully"}
    assert works.call("read_graph") == {"entities": WORKS["entities"][:2], "relations": []}
    works.call("create_entities", entities=[person("Acme Corp")])
    assert works.call("open_nodes", names=["Acme Corp"])["entities"] == [person("Acme Corp")]


def test_observations_are_deleted(works):
    deletions = [
        {"entityName": "Alice", "observations": ["likes programming", "never said"]},
        {"entityName": "NonExistent", "observations": ["x"]},
    ]
    assert works.text("delete_observations", deletions=deletions) == "Observations deleted successfully"
    alice = works.call("open_nodes", names=["Alice"])["entities"]
    assert alice == [person("Alice", "works at Acme Corp")]


def test_relations_are_deleted(works):
    works.call("create_relations", relations=[relation("Alice", "knows", "Acme Corp")])
    gone = [WORKS["relations"][0], relation("x", "y", "z")]
    assert works.text("delete_relations", relations=gone) == "Relations deleted successfully"
    kinds = [edge["relationType"] for edge in works.call("read_graph")["relations"]]
    assert kinds == ["competitor", "knows"]


def test_an_empty_graph_is_read(client):
    answer = client.answer("read_graph")
    assert answer["structuredContent"] == EMPTY
    assert [block["text"] for block in answer["content"]] == [json.dumps(EMPTY, indent=2)]


def test_a_graph_is_read_as_it_was_written(works):
    works.call("create_relations", relations=[relation("Alice", "self", "Alice")])
    whole = {**WORKS, "relations": [*WORKS["relations"], relation("Alice", "self", "Alice")]}
    answer = works.answer("read_graph")
    assert answer["structuredContent"] == whole
    assert [block["text"] for block in answer["content"]] == [json.dumps(whole, indent=2)]


@pytest.mark.parametrize(
    ("tool", "key"),
    [
        ("delete_entities", "entityNames"),
        ("delete_observations", "deletions"),
        ("delete_relations", "relations"),
    ],
)
def test_nothing_is_deleted_if_nothing_is_named(works, tool, key):
    works.call(tool, **{key: []})
    assert works.call("read_graph") == WORKS


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Alice", ["Alice"]),
        ("ALICE", ["Alice"]),
        ("company", ["Acme Corp"]),
        ("programming", ["Alice"]),
        ("NonExistent", []),
        ("rks at A", ["Alice"]),
        ("", ["Acme Corp", "Alice", "Bob"]),
    ],
)
def test_a_search_finds_by_name_type_and_observation(works, query, found):
    assert sorted(names(works.call("search_nodes", query=query))) == found


def test_a_search_returns_relations_that_touch_a_hit(works):
    both = works.call("search_nodes", query="Acme")
    assert sorted(names(both)) == ["Acme Corp", "Alice"]
    assert both["relations"] == WORKS["relations"]
    assert works.call("search_nodes", query="Alice")["relations"] == WORKS["relations"][:1]


@pytest.mark.parametrize(
    ("opened", "relations"),
    [
        (["Alice", "Bob"], ["Alice knows Bob", "Bob knows Charlie"]),
        (["Bob"], ["Alice knows Bob", "Bob knows Charlie"]),
        (["Alice"], ["Alice knows Bob"]),
        (["Charlie"], ["Bob knows Charlie"]),
        (["NonExistent"], []),
        ([], []),
    ],
)
def test_nodes_are_opened_with_relations_that_touch_them(client, opened, relations):
    client.call("create_entities", entities=[person("Alice"), person("Bob"), person("Charlie")])
    edges = [relation("Alice", "knows", "Bob"), relation("Bob", "knows", "Charlie")]
    client.call("create_relations", relations=edges)
    graph = client.call("open_nodes", names=opened)
    assert names(graph) == [name for name in opened if name != "NonExistent"]
    assert [f"{edge['from']} knows {edge['to']}" for edge in graph["relations"]] == relations


def test_the_graph_is_a_resource(works):
    (content,) = works.request("read_resource", "memory://knowledge-graph")["contents"]
    assert (content["uri"], content["mimeType"]) == ("memory://knowledge-graph", "application/json")
    assert content["text"] == json.dumps(WORKS, indent=2)
