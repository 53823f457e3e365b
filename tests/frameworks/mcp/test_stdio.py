"""Servers as clients start them: processes that speak JSON-RPC over stdin and stdout."""

import json
import os
import random
import signal
import subprocess
import sys
import threading

import pytest

import agentmem
from agentmem.mcp.knowledge import KnowledgeGraph

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Server:
    """A server process, asked by hand."""

    def __init__(self, *options, era="2025", **variables):
        command = [sys.executable, "-W", "ignore", "-m", "agentmem", "mcp", *map(str, options)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen(command, text=True, env=os.environ | variables, **pipes)
        self.era = era
        self.asked = 0
        if era == "2025":
            client = {"name": "test", "version": "1"}
            start = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
            self.about = self.ask("initialize", **start)
            self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        else:
            self.about = self.ask("server/discover")

    def send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def ask(self, method, **params):
        self.asked += 1
        meta = {"_meta": META} if self.era == "2026" else {}
        self.send({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params | meta})
        line = self.process.stdout.readline()
        if not line:
            raise EOFError(self.process.stderr.read())
        answer = json.loads(line)
        assert answer["id"] == self.asked
        return answer["result"]

    def call(self, tool, **arguments):
        answer = self.ask("tools/call", name=tool, arguments=arguments)
        assert not answer.get("isError"), answer
        return answer["structuredContent"]

    def end(self):
        """Close stdin, as a client does, and return the exit code and what stderr has."""
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@pytest.fixture
def start():
    servers = []

    def start(*options, **variables):
        servers.append(Server(*options, **variables))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.communicate()


def entity(name, *observations):
    return {"name": name, "entityType": "thing", "observations": list(observations)}


def test_a_server_answers_and_ends_when_its_client_does(start, era, path):
    server = start("--path", path, era=era)
    assert "your memory" in server.about["instructions"]
    assert len(server.ask("tools/list")["tools"]) == 14
    server.call("create_entities", entities=[entity("Alice", "likes tea")])
    assert server.call("search_nodes", query="tea")["entities"] == [entity("Alice", "likes tea")]
    assert server.end() == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_a_server_quietly(start, path):
    server = start("--path", path)
    server.call("remember", content="x")
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=10) == 130
    assert server.process.stderr.read() == ""


def test_two_servers_on_one_file_lose_nothing(start, path):
    servers = [start("--path", path), start("--path", path)]
    servers[0].call("create_entities", entities=[entity("shared")])

    def work(server, side):
        for number in range(200):
            server.call(
                "create_entities", entities=[entity(f"{side} {number}"), entity(f"both {number}", side)]
            )
            fact = {"entityName": "shared", "contents": [f"{side} {number}", f"both {number}"]}
            server.call("add_observations", observations=[fact])

    threads = [threading.Thread(target=work, args=pair) for pair in zip(servers, ("a", "b"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with agentmem.open(path) as store:
        found = {node.name: node for node in KnowledgeGraph(store).read().entities}
        assert store.verify().ok
    assert len(found) == 1 + 3 * 200
    facts = [observation.text for observation in found["shared"].observations]
    assert len(facts) == len(set(facts)) == 3 * 200
    assert all(len(found[f"both {number}"].observations) == 1 for number in range(200))


def test_a_killed_server_loses_nothing_that_it_confirmed(start, path):
    chance = random.Random(7)
    confirmed = []
    for attempt in range(4):
        server = start("--path", path)
        killer = threading.Timer(chance.uniform(0.05, 0.5), server.process.kill)
        killer.start()
        try:
            for number in range(10_000):
                name = f"{attempt} {number}"
                server.call("create_entities", entities=[entity(name, "first", "second")])
                confirmed.append(name)
        except (EOFError, OSError):
            killer.join()
    with agentmem.open(path) as store:
        graph = KnowledgeGraph(store).read()
        assert store.verify().ok
    assert len(confirmed) > 4
    assert set(confirmed) <= {node.name for node in graph.entities}
    assert all(len(node.observations) == 2 for node in graph.entities)


def test_entities_that_one_server_deletes_while_another_adds_leave_no_remains(start, path):
    adding, deleting = start("--path", path), start("--path", path)
    stop = threading.Event()

    def delete():
        while not stop.is_set():
            deleting.call("delete_entities", entityNames=["x"])

    thread = threading.Thread(target=delete)
    thread.start()
    for number in range(100):
        adding.call("create_entities", entities=[entity("x"), entity("y")])
        fact = {"entityName": "x", "contents": [str(number)]}
        adding.ask("tools/call", name="add_observations", arguments={"observations": [fact]})
        edge = {"from": "x", "to": "y", "relationType": "is"}
        adding.ask("tools/call", name="create_relations", arguments={"relations": [edge]})
    stop.set()
    thread.join()
    deleting.call("delete_entities", entityNames=["x", "y"])
    with agentmem.open(path) as store:
        assert store.count(include_private=True) == 0


def test_the_file_of_the_reference_server_is_imported_once(start, tmp_path):
    file = tmp_path / "memory.json"
    text = '{"type":"entity","name":"Alice","entityType":"person","observations":["likes tea"]}\n{"type": '
    file.write_text(text)
    server = start(MEMORY_FILE_PATH=str(file))
    assert server.call("read_graph")["entities"][0]["name"] == "Alice"
    server.call("delete_entities", entityNames=["Alice"])
    code, errors = server.end()
    assert code == 0
    assert f"{file}, line 2: not a line of a memory file" in errors
    assert f"imported 2 records from {file}" in errors
    assert file.read_text() == text
    assert (tmp_path / "memory.db").exists()
    again = start(MEMORY_FILE_PATH=str(file))
    assert again.call("read_graph") == {"entities": [], "relations": []}
    assert again.end() == (0, "")


def test_the_store_is_in_the_home_folder_unless_it_is_named(start, tmp_path):
    server = start(HOME=str(tmp_path))
    server.call("remember", content="x")
    server.end()
    assert (tmp_path / ".local" / "share" / "agentmem" / "memory.db").exists()
    named = start(AGENTMEM_PATH=str(tmp_path / "other.db"))
    named.end()
    assert (tmp_path / "other.db").exists()


def test_a_store_that_is_only_read_is_not_changed(start, path):
    with agentmem.open(path) as store:
        store.add("tea")
        before = [record.to_dict() for record in store.list()]
    server = start("--path", path, "--read-only", "--tools", "notes")
    names = [tool["name"] for tool in server.ask("tools/list")["tools"]]
    assert names == ["recall", "list_memories", "memory_stats"]
    assert server.call("memory_stats")["ok"]
    assert server.call("recall", query="tea")["memories"]
    assert server.end() == (0, "")
    with agentmem.open(path) as store:
        assert [record.to_dict() for record in store.list()] == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tools", "graph,nodes"], "tools are graph and notes, not 'nodes'"),
        (["--read-only"], "none.db"),
        (["--scope", "/a/knowledge-graph"], "inside a knowledge graph"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(tmp_path, options, message):
    command = [sys.executable, "-W", "ignore", "-m", "agentmem", "mcp", "--path", "none.db", *options]
    result = subprocess.run(command, text=True, capture_output=True, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert message in result.stderr
