"""Large graphs come in parts."""

import pytest


def entity(name, *observations):
    return {"name": name, "entityType": "thing", "observations": list(observations)}


def read(client, tool, **arguments):
    """All parts of a graph, put together, after a check of each."""
    entities, relations, parts, cursor = {}, [], 0, {}
    while True:
        answer = client.answer(tool, **arguments, **cursor)
        data, (text, *notes) = answer["structuredContent"], [block["text"] for block in answer["content"]]
        assert len(text) < 50_000
        parts += 1
        for each in data["entities"]:
            entities.setdefault(each["name"], []).extend(each["observations"])
        relations += data["relations"]
        if "nextCursor" not in data:
            assert not notes
            return entities, relations, parts
        cursor = {"cursor": data["nextCursor"]}
        assert f'call {tool} again with cursor="{data["nextCursor"]}"' in notes[0]


@pytest.fixture
def large(client):
    """One entity with many observations among many with few, and many relations."""
    many = [f"{number} " + "long " * 20 for number in range(600)]
    things = [entity(f"thing {number}", "a", "b") for number in range(300)]
    client.call("create_entities", entities=[*things[:150], entity("big", *many), *things[150:]])
    relations = [{"from": "big", "to": f"thing {number}", "relationType": "has"} for number in range(300)]
    client.call("create_relations", relations=relations)
    return client


def test_a_large_graph_is_read_whole(large):
    entities, relations, parts = read(large, "read_graph")
    assert list(entities) == [f"thing {n}" for n in range(150)] + ["big"] + [
        f"thing {n}" for n in range(150, 300)
    ]
    assert len(entities["big"]) == len(set(entities["big"])) == 600
    assert [relation["to"] for relation in relations] == [f"thing {n}" for n in range(300)]
    assert parts > 3


def test_large_results_of_searches_are_read_whole(large):
    entities, relations, parts = read(large, "open_nodes", names=["big", "thing 3"])
    assert {name: len(texts) for name, texts in entities.items()} == {"thing 3": 2, "big": 600}
    assert (len(relations), parts > 2) == (300, True)
    entities, _, _ = read(large, "search_nodes", query="thing")
    assert len(entities) == 301


def test_readers_choose_how_much_they_take(large):
    page = large.call("read_graph", limit=2)
    assert [each["name"] for each in page["entities"]] == ["thing 0", "thing 1"]
    page = large.call("read_graph", limit=2, cursor=page["nextCursor"])
    assert [each["name"] for each in page["entities"]] == ["thing 2", "thing 3"]
    found = large.call("search_nodes", query="thing", limit=3)
    assert len(found["entities"]) == 3


def test_a_reader_of_a_graph_that_changes_misses_nothing_that_stays(large):
    first = large.call("read_graph", limit=100)
    large.call("delete_entities", entityNames=["thing 3", "thing 99"])
    large.call("create_entities", entities=[entity("new")])
    entities, _, _ = read(large, "read_graph", limit=100, **{})
    rest, cursor = [], first["nextCursor"]
    while cursor:
        page = large.call("read_graph", cursor=cursor)
        rest += [each["name"] for each in page["entities"]]
        cursor = page.get("nextCursor")
    seen = [each["name"] for each in first["entities"]] + rest
    assert set(entities) <= set(seen)


def test_an_observation_that_is_longer_than_a_part_comes_whole(client):
    client.call("create_entities", entities=[entity("a"), entity("b", "x" * 100_000, "y"), entity("c")])
    seen, cursor = {}, {}
    while True:
        page = client.call("read_graph", **cursor)
        for each in page["entities"]:
            seen.setdefault(each["name"], []).extend(each["observations"])
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == {"a": [], "b": ["x" * 100_000, "y"], "c": []}


@pytest.mark.parametrize("cursor", ["", "x", "1", "1.2", "1.2.3.4", "-1.0.0", "1.2.٣", "9" * 30 + ".0.0"])
def test_what_is_no_cursor_is_refused(client, cursor):
    assert "not a cursor" in client.error("read_graph", cursor=cursor)


def test_a_search_may_ask_for_types_and_a_score(client):
    client.call("create_entities", entities=[entity("Rust", "a language"), entity("rust", "iron and water")])
    client.call("create_entities", entities=[{**entity("Rust book", "teaches Rust"), "entityType": "book"}])
    books = client.call("search_nodes", query="rust", entityTypes=["book"])
    assert [each["name"] for each in books["entities"]] == ["Rust book"]
    assert client.call("search_nodes", query="rust", entityTypes=[]) == {"entities": [], "relations": []}
    assert client.call("search_nodes", query="rust", minScore=1) == {"entities": [], "relations": []}
    assert len(client.call("search_nodes", query="rust", minScore=0)["entities"]) == 3


def test_a_question_finds_what_no_substring_does(client):
    client.call(
        "create_entities", entities=[entity("Alice", "works on indexing in Rust"), entity("Bob", "cooks")]
    )
    found = client.call("search_nodes", query="who works with indexes?")
    assert [each["name"] for each in found["entities"]] == ["Alice"]
