"""remember, recall, list_memories, forget and memory_stats."""

import pytest

from agentmem._adapters import distinct


def contents(answer):
    return [memory["content"] for memory in answer["memories"]]


def test_what_is_remembered_is_recalled(client):
    id = client.call(
        "remember",
        content="Alice prefers email over phone.",
        categories=["preference"],
        scope="/user/alice",
        importance=0.9,
        metadata={"from": "chat", "n": [1, None]},
    )["id"]
    client.call("remember", content="The office is in Ulm.")
    memory = client.call("recall", query="how do I reach alice?")["memories"][0]
    assert 0.2 < memory["score"] <= 1
    assert memory["created_at"].endswith("+00:00")
    known = {key: memory[key] for key in ("id", "content", "scope", "categories", "metadata")}
    assert known == {
        "id": id,
        "content": "Alice prefers email over phone.",
        "scope": "/user/alice",
        "categories": ["preference"],
        "metadata": {"from": "chat", "n": [1, None]},
    }


def test_an_id_replaces_a_memory(client):
    for _ in range(2):
        assert client.call("remember", content="lives in Ulm", id="home") == {"id": "home"}
    client.call("remember", content="lives in Rome", id="home")
    assert contents(client.call("list_memories")) == ["lives in Rome"]


def test_facts_of_the_graph_are_memories(client):
    entity = {"name": "Alice", "entityType": "person", "observations": ["likes green tea", "lives in Ulm"]}
    client.call("create_entities", entities=[entity, {**entity, "name": "Bob"}])
    client.call("create_relations", relations=[{"from": "Alice", "to": "Bob", "relationType": "knows"}])
    first = client.call("recall", query="what does Alice like?")["memories"][0]
    assert first["content"] == "Alice: likes green tea"
    assert "in use" in client.error("remember", content="x", id=first["id"])
    assert "choose another" in client.error("remember", content="x", scope=first["scope"])
    assert client.call("forget", ids=[first["id"]]) == {"deleted": 1}
    (alice,) = client.call("open_nodes", names=["Alice"])["entities"]
    assert alice["observations"] == ["lives in Ulm"]
    (node,) = [
        each for each in client.call("list_memories")["memories"] if each["content"] == "Alice (person)"
    ]
    assert client.call("forget", ids=[node["id"]]) == {"deleted": 1}
    assert client.call("read_graph") == {"entities": [{**entity, "name": "Bob"}], "relations": []}
    assert client.call("memory_stats")["records"] == 3


def test_filters_hold(client, store):
    store.add("old tea", created_at="2020-01-01", categories=["drink"])
    store.add("new tea", created_at="2026-01-01", scope="/a")
    for tool, query in (("recall", {"query": "tea", "min_score": 0}), ("list_memories", {})):
        assert contents(client.call(tool, **query, since="2025-01-01")) == ["new tea"]
        assert contents(client.call(tool, **query, until="2025-01-01")) == ["old tea"]
        assert contents(client.call(tool, **query, categories=["drink"])) == ["old tea"]
        assert contents(client.call(tool, **query, scope="/a")) == ["new tea"]
    assert contents(client.call("list_memories")) == ["new tea", "old tea"]


def test_only_what_is_relevant_is_recalled_unless_more_is_asked_for(client):
    for content in ("Alice likes green tea.", "The office has moved to Ulm.", "Bob likes coffee."):
        client.call("remember", content=content)
    query = "which green tea does Alice like?"
    assert contents(client.call("recall", query=query)) == ["Alice likes green tea."]
    assert len(contents(client.call("recall", query=query, min_score=0))) > 1
    nothing = client.answer("recall", query="when was the treaty of Westphalia signed?")
    assert nothing["structuredContent"] == {"memories": [], "total": 0}
    assert "min_score=0" in nothing["content"][1]["text"]


@pytest.mark.parametrize(
    ("tool", "query"), [("recall", {"query": "tea", "min_score": 0}), ("list_memories", {})]
)
def test_results_come_in_parts_and_say_how_to_read_on(client, store, tool, query):
    store.add_many([f"tea {number} " + "x" * 1000 for number in range(100)])
    seen = []
    while len(seen) < 100:
        answer = client.answer(tool, limit=50, offset=len(seen), **query)
        assert len(answer["content"][0]["text"]) < 50_000
        assert contents(answer["structuredContent"])
        seen += contents(answer["structuredContent"])
        if following := answer["structuredContent"].get("next_offset"):
            assert following == len(seen)
            assert f"call {tool} again with offset={following}" in answer["content"][1]["text"]
    assert len(set(seen)) == 100


def test_a_long_memory_is_shown_where_it_answers_and_can_be_read_to_the_end(client):
    text = "".join(f"Sentence {number} is about nothing. " for number in range(4000))
    text = text[:60_000] + " The password of the coffee machine is 4711. " + text[60_000:]
    id = client.call("remember", content=text)["id"]
    (memory,) = client.call("recall", query="password of the coffee machine")["memories"]
    assert "4711" in memory["content"]
    assert len(memory["content"]) <= 8000
    assert "reads on" in memory["part"]
    read, start = "", 0
    while start < len(text):
        (memory,) = client.call("list_memories", ids=[id], start=start)["memories"]
        read += memory["content"]
        start = len(read)
    assert read == text
    assert "reads on" not in memory["part"]


def test_large_metadata_is_left_out_and_said(client, store):
    store.add("x", metadata={"big": "y" * 100_000})
    (memory,) = client.call("list_memories")["memories"]
    assert memory["metadata"] == {}
    assert "characters of metadata are left out" in memory["part"]


@pytest.mark.parametrize("text", ["a/../b", "nul\0", "👋", "x" * 3000, " ", "%", "\u2028"])
def test_any_text_is_remembered_recalled_and_forgotten(client, text):
    kept = text.replace("\0", "\ufffd")
    id = client.call("remember", content=text, categories=["a"], metadata={text[:99]: text[:99]})["id"]
    (memory,) = client.call("list_memories")["memories"]
    assert (memory["content"], memory["metadata"]) == (kept, {distinct(text[:99]): kept[:99]})
    client.call("recall", query=text)
    client.call("search_nodes", query=text)
    assert client.call("forget", ids=[id, text]) == {"deleted": 1}


def test_ids_scopes_and_categories_that_no_record_can_hold_stay_different(client):
    names = ["a\0", "a\ufffd"]
    for name in names:
        client.call("remember", content="x", id=name, scope=f"/{name}/b", categories=[name])
    assert client.call("list_memories")["total"] == 2
    for filters in ({"ids": [names[0]]}, {"scope": f"/{names[0]}"}, {"categories": [names[0]]}):
        (memory,) = client.call("list_memories", **filters)["memories"]
        assert memory["id"] != names[1]
    assert client.call("recall", query="x", categories=names[:1], min_score=0)["total"] == 1
    assert client.call("forget", ids=names[:1]) == {"deleted": 1}
    assert client.call("list_memories")["memories"][0]["id"] == names[1]


def test_an_empty_memory_has_statistics(client):
    empty = {"records": 0, "scopes": [], "categories": {}, "oldest": None, "newest": None, "ok": True}
    assert client.call("memory_stats") == empty
    client.call("remember", content="x", categories=["a", "b"], scope="/s")
    stats = client.call("memory_stats")
    assert (stats["records"], stats["scopes"], stats["categories"]) == (1, ["/s"], {"a": 1, "b": 1})
    assert stats["oldest"] == stats["newest"]
