"""What the server says about itself, and what its options change."""

import json
from pathlib import Path

import documentation
import pytest

import agentmem
from agentmem.mcp import create_server

REFERENCE = json.loads((Path(__file__).parent / "reference_tools.json").read_text(encoding="utf-8"))
PLAIN = {"remember", "recall", "list_memories", "forget", "memory_stats"}
READING = {"read_graph", "search_nodes", "open_nodes", "recall", "list_memories", "memory_stats"}


def plain(schema, whole=None):
    """A schema without references, titles, and the keys that the SDK adds."""
    whole = schema if whole is None else whole
    if "$ref" in schema:
        own = {key: value for key, value in schema.items() if key != "$ref"}
        return plain(whole["$defs"][schema["$ref"].removeprefix("#/$defs/")] | own, whole)
    kept = {key: schema[key] for key in ("type", "description", "required") if key in schema}
    if "properties" in schema:
        kept["properties"] = {name: plain(each, whole) for name, each in schema["properties"].items()}
        # Descriptions of models come from docstrings; the reference describes only fields.
        kept.pop("description", None)
        kept.setdefault("required", [])
    if "items" in schema:
        kept["items"] = plain(schema["items"], whole)
    return kept


def required_only(schema):
    """A schema of an object without what is optional."""
    needed = {name: each for name, each in schema["properties"].items() if name in schema["required"]}
    return {**schema, "properties": needed}


@pytest.mark.parametrize("reference", REFERENCE, ids=lambda tool: tool["name"])
def test_a_tool_of_the_reference_server_is_offered_as_there(new_client, era, reference):
    tool = new_client(era).tools()[reference["name"]]
    for key in ("title", "description", "annotations"):
        assert tool[key] == reference[key], key
    for key in ("inputSchema", "outputSchema"):
        assert required_only(plain(tool[key])) == plain(reference[key]), key
        assert tool[key]["type"] == "object"


def test_there_are_fourteen_tools(client):
    tools = client.tools()
    assert set(tools) == {tool["name"] for tool in REFERENCE} | PLAIN
    assert {name for name, tool in tools.items() if tool["annotations"]["readOnlyHint"]} == READING
    for tool in tools.values():
        assert tool["description"]
        assert tool["annotations"]["openWorldHint"] is False


@pytest.mark.parametrize("tools", [["graph"], ["notes"], ["graph", "notes"]])
@pytest.mark.parametrize("read_only", [False, True])
def test_only_the_chosen_tools_are_offered(new_client, tools, read_only):
    client = new_client(tools=tools, read_only=read_only)
    graph = {tool["name"] for tool in REFERENCE} if "graph" in tools else set()
    expected = graph | (PLAIN if "notes" in tools else set())
    assert set(client.tools()) == (expected & READING if read_only else expected)
    prompts = {prompt["name"] for prompt in client.request("list_prompts")["prompts"]}
    assert prompts == ({"recall"} if read_only else {"recall", "remember"})
    resources = {resource["uri"] for resource in client.request("list_resources")["resources"]}
    assert ("memory://knowledge-graph" in resources) == ("graph" in tools)


@pytest.mark.parametrize("scope", ["/a/../b", "a\0b", "a" * 3000, "/knowledge-graph"])
def test_a_scope_that_no_record_can_have_is_refused_at_once(store, scope):
    with pytest.raises(ValueError, match="invalid"):
        create_server(store, scope=scope)


def test_tools_that_do_not_exist_are_refused(store):
    with pytest.raises(agentmem.InvalidFilterError, match="'notess'"):
        create_server(store, tools=["notess"])


@pytest.mark.parametrize("tools", [["graph"], ["notes"], ["graph", "notes"]])
@pytest.mark.parametrize("read_only", [False, True])
def test_instructions_fit_and_name_only_tools_that_are_there(store, tools, read_only):
    text = create_server(store, tools=tools, read_only=read_only).instructions
    assert 200 < len(text) <= 2000
    assert ("recall" in text) == ("notes" in tools)
    assert ("search_nodes" in text) == ("notes" not in tools)
    assert ("Write down" in text) != read_only


def test_prompts_ask_for_the_tools(client):
    (message,) = client.request("get_prompt", "recall", {"topic": "tea"})["messages"]
    assert "recall" in message["content"]["text"]
    assert message["content"]["text"].endswith("tea")
    (message,) = client.request("get_prompt", "remember", {"fact": "Tea."})["messages"]
    assert "remember" in message["content"]["text"]


def test_the_statistics_are_a_resource(client):
    client.call("remember", content="x", categories=["a"])
    (content,) = client.request("read_resource", "memory://stats")["contents"]
    assert json.loads(content["text"]) == client.call("memory_stats")


def test_a_server_reaches_nothing_outside_its_scope(store, new_client):
    outside = store.add("Bob is secret", scope="/ab")
    private = store.add("Eve is secret", scope="/a", private=True, source="eve")
    one, other = new_client(scope="/a"), new_client(scope="/ab")
    entity = {"name": "Bob", "entityType": "person", "observations": ["is here"]}
    other.call("create_entities", entities=[entity])
    assert one.call("create_entities", entities=[entity]) == {"entities": [entity]}
    for scope in (None, "/", "/ab"):
        found = one.call("recall", query="Bob is secret", min_score=0, scope=scope)["memories"]
        assert all(memory["scope"] == "/knowledge-graph" for memory in found)
        assert one.call("list_memories", scope=scope)["total"] in (0, 2)
    assert "write the full path" in one.error("recall", query="Bob", scope="../ab")
    assert one.call("forget", ids=[outside, private, "none"]) == {"deleted": 0}
    for id in (outside, private):
        assert "in use" in one.error("remember", content="mine now", id=id)
    one.call("delete_entities", entityNames=["Bob"])
    assert other.call("read_graph")["entities"] == [entity]
    assert store.get(outside).content == "Bob is secret"
    assert store.count(include_private=True) == 4


@pytest.mark.parametrize("scope", ["/", "/a", "/a/b"])
def test_scopes_begin_at_the_scope_of_the_server(store, new_client, scope):
    client = new_client(scope=scope)
    client.call("remember", content="one", scope="/user/alice")
    client.call("remember", content="two", scope="user/alice/")
    client.call("remember", content="three")
    memories = client.call("list_memories")["memories"]
    assert [memory["scope"] for memory in memories] == ["/", "/user/alice", "/user/alice"]
    assert client.call("list_memories", scope=memories[1]["scope"])["total"] == 2
    assert client.call("memory_stats")["scopes"] == ["/", "/user/alice"]
    assert store.count(scope=scope.rstrip("/") + "/user/alice") == 2


def test_an_error_says_what_to_do(client, store):
    assert "not a cursor" in client.error("read_graph", cursor="x")
    assert "yesterday" in client.error("recall", query="x", since="yesterday")
    assert "name" in client.error("create_entities", entities=[{"entityType": "x"}])
    assert "limit" in client.error("recall", query="x", limit=51)
    store.close()
    assert "closed" in client.error("read_graph")


def test_a_list_in_a_text_is_taken_as_a_list(client):
    """Some models send it so."""
    entity = {"name": "A", "entityType": "b", "observations": []}
    assert client.call("create_entities", entities=json.dumps([entity])) == {"entities": [entity]}


def test_the_package_needs_the_sdk_only_for_a_server(monkeypatch, store):
    from importlib import metadata

    monkeypatch.setattr(metadata, "version", lambda package: "1.22.0")
    monkeypatch.delitem(__import__("sys").modules, "agentmem.mcp.sdk")
    monkeypatch.delitem(__import__("sys").modules, "agentmem.mcp.server")
    with pytest.raises(ImportError, match=r"mcp 1\.22\.0 is installed.*>= 1\.23, < 3; pip install .*\[mcp\]"):
        create_server(store)


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("mcp"), ids=lambda example: example.name
)
def test_example_of_a_docstring_runs(example):
    documentation.run(example, {})


@pytest.mark.parametrize("code", documentation.page_examples("frameworks/mcp.md"))
def test_example_of_the_page_runs(code, capsys):
    exec(compile(code, "mcp.md", "exec"), {})
    assert "recall" in capsys.readouterr().out


def test_the_configurations_of_the_page_are_json():
    text = (documentation.ROOT / "docs" / "frameworks" / "mcp.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in text.split("```json\n")[1:]]
    assert len(blocks) == 3
    for block in blocks:
        ((_, server),) = next(iter(json.loads(block).values())).items()
        assert server.get("command") == "agentmem" or server["url"].startswith("http://127.0.0.1")
