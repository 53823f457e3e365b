"""What is built on LangGraph's stores runs over AgentMemStore: agents, LangMem and deepagents."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from deepagents import create_deep_agent
from deepagents.backends import CompositeBackend, StateBackend, StoreBackend
from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langmem import create_manage_memory_tool, create_memory_store_manager, create_search_memory_tool

from agentmem.langgraph import AgentMemSaver, AgentMemStore


@pytest.fixture
def store(tmp_path):
    store = AgentMemStore(tmp_path / "memory.db")
    yield store
    store.close()


class Scripted(GenericFakeChatModel):
    """A chat model that gives prepared answers, and takes any tools."""

    messages: Iterator[AIMessage]

    def bind_tools(self, tools, **_):
        return self


def scripted(*answers):
    return Scripted(messages=iter(answers))


def call(name, **arguments):
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": name}])


def user(text):
    return {"messages": [("user", text)]}


def test_tools_of_an_agent_use_the_store(store):
    @tool
    def recall(query: str, runtime: ToolRuntime) -> str:
        """Search what is known."""
        return runtime.store.search(("facts",), query=query, limit=1)[0].value["text"]

    store.put(("facts",), "1", {"text": "The key is in the blue drawer."})
    store.put(("facts",), "2", {"text": "Lunch is at noon."})
    model = scripted(call("recall", query="where is the key?"), AIMessage("In the drawer."))
    agent = create_agent(model, [recall], store=store, checkpointer=AgentMemSaver(store.store))
    messages = agent.invoke(user("Where is it?"), {"configurable": {"thread_id": "1"}})["messages"]
    assert messages[-2].content == "The key is in the blue drawer."
    assert len(agent.get_state({"configurable": {"thread_id": "1"}}).values["messages"]) == 4


def test_langmem_tools_write_change_find_and_delete_memories(store):
    manage = create_manage_memory_tool(("memories", "{user}"), store=store)
    search = create_search_memory_tool(("memories", "{user}"), store=store)
    alice, bob = ({"configurable": {"user": name}} for name in ("alice", "bob"))
    manage.invoke({"content": "Alice prefers tea."}, alice)
    manage.invoke({"content": "Alice lives in Ulm."}, alice)
    manage.invoke({"content": "Bob prefers tea."}, bob)
    memories = json.loads(search.invoke({"query": "what does she prefer to drink? tea?"}, alice))
    assert [memory["value"]["content"] for memory in memories] == [
        "Alice prefers tea.",
        "Alice lives in Ulm.",
    ]
    id = memories[0]["key"]
    manage.invoke({"content": "Alice prefers coffee.", "action": "update", "id": id}, alice)
    assert json.loads(search.invoke({"query": "coffee", "limit": 1}, alice))[0]["key"] == id
    asyncio.run(manage.ainvoke({"action": "delete", "id": id}, alice))
    left = json.loads(asyncio.run(search.ainvoke({"query": "coffee"}, alice)))
    assert [memory["value"]["content"] for memory in left] == ["Alice lives in Ulm."]
    assert len(store.search(("memories",))) == 2


def test_langmem_manager_extracts_memories(store):
    model = scripted(
        call("Memory", content="The user moved to Ulm."), call("Memory", content="The user has a dog.")
    )
    manager = create_memory_store_manager(model, namespace=("memories", "alice"), store=store)
    manager.invoke(user("I moved to Ulm."))
    asyncio.run(manager.ainvoke(user("I have a dog.")))
    texts = {item.value["content"]["content"] for item in store.search(("memories", "alice"))}
    assert texts == {"The user moved to Ulm.", "The user has a dog."}
    best = store.search(("memories",), query="where does the user live? Ulm?", filter={"kind": "Memory"})[0]
    assert best.value["content"] == {"content": "The user moved to Ulm."}


def test_deepagents_files_are_items(store):
    files = StoreBackend(store=store, namespace=lambda _: ("files", "alice"))
    for n in range(120):
        assert files.write(f"/notes/{n}.md", f"note {n}\nbeacon {n % 2}\n").error is None
    assert files.write("/empty.txt", "").error is None
    assert len(files.ls("/notes").entries) == 120
    assert len(files.glob("/notes/*.md").matches) == 120
    assert len(files.grep("beacon 1").matches) == 60
    assert files.edit("/notes/7.md", "note 7", "a changed note").error is None
    assert "a changed note" in files.read("/notes/7.md").file_data["content"]
    assert files.delete("/notes").error is None
    assert [entry["path"] for entry in files.ls("/").entries] == ["/empty.txt"]
    large = "x" * 2_600_000
    assert files.write("/large.txt", large).error is None
    assert files.download_files(["/large.txt"])[0].content == large.encode()


def test_a_deep_agent_keeps_files_between_threads(store):
    backend = CompositeBackend(
        default=StateBackend(),
        routes={"/memories/": StoreBackend(store=store, namespace=lambda _: ("files",))},
    )
    write = call("write_file", file_path="/memories/fact.txt", content="Ulm has a tall church.")
    agent = create_deep_agent(scripted(write, AIMessage("Noted.")), backend=backend, store=store)
    agent.invoke(user("Remember it."))
    read = call("read_file", file_path="/memories/fact.txt")
    agent = create_deep_agent(scripted(read, AIMessage("Read.")), backend=backend, store=store)
    messages = asyncio.run(agent.ainvoke(user("What do you know?")))["messages"]
    assert any("Ulm has a tall church." in str(message.content) for message in messages)
