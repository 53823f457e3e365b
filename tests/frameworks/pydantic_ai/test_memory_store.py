"""AgentMemMemoryStore does what the harness asks of memory stores, and what odd input asks of agentmem.

The harness's own store in memory runs the same tests: it shows that they ask for the harness's behaviour.
"""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import documentation
import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai_harness.memory import (
    InMemoryStore,
    Memory,
    MemoryConflictError,
    MemoryOperation,
    MemoryOperationConflictError,
    MemoryStore,
    MetadataMemoryStore,
    SearchableMemoryStore,
)

import agentmem
from agentmem.pydantic_ai import AgentMemMemoryStore

BOUNDS = {"limit": 10, "max_files": 100, "max_chars": 1000, "max_file_chars": 1000}


@pytest.fixture
def store(path):
    store = AgentMemMemoryStore(path)
    yield store
    store.close()


@pytest.fixture(params=["agentmem", "harness"])
def either(request, path):
    """Our store, and the harness's own for comparison."""
    if request.param == "harness":
        yield InMemoryStore()
    else:
        store = AgentMemMemoryStore(path)
        yield store
        store.close()


def run(work):
    return asyncio.run(work)


def write(store, path, content, version=None, **arguments):
    return run(store.write(path, content, expected_version=version, **arguments))


def delete(store, path, version=None, **arguments):
    return run(store.delete(path, expected_version=version, **arguments))


def read(store, path, max_chars=10_000):
    return run(store.read(path, max_chars=max_chars))


def search(store, prefix, query, **bounds):
    return run(store.search(prefix, query, **{**BOUNDS, **bounds}))


def paths(result):
    return [match.path for match in result.matches]


def test_it_has_the_interfaces_of_the_harness(store):
    for interface in (MemoryStore, MetadataMemoryStore, SearchableMemoryStore):
        assert isinstance(store, interface)


# Versions


def test_a_file_is_written_only_at_the_expected_version(either):
    created = write(either, "notes/main.md", "one")
    assert (created.existed, created.replayed) == (False, False)
    file = read(either, "notes/main.md")
    assert (file.content, file.version, file.operation_id) == ("one", created.version, None)
    assert (file.truncated, file.metadata) == (False, None)
    updated = write(either, "notes/main.md", "two", file.version)
    assert updated.existed
    assert updated.version not in (None, created.version)
    for stale in (created.version, None, "no such version"):
        with pytest.raises(MemoryConflictError):
            write(either, "notes/main.md", "stale", stale)
        with pytest.raises(MemoryConflictError):
            delete(either, "notes/main.md", stale)
    assert read(either, "notes/main.md").content == "two"
    deleted = delete(either, "notes/main.md", updated.version)
    assert (deleted.version, deleted.existed, deleted.replayed) == (None, True, False)
    assert read(either, "notes/main.md") is None


def test_a_file_that_is_not_there_has_no_version(either):
    with pytest.raises(MemoryConflictError):
        write(either, "main.md", "text", "some version")
    with pytest.raises(MemoryConflictError):
        delete(either, "main.md", "some version")
    assert delete(either, "main.md").existed is False


def test_versions_never_come_back(either):
    first = write(either, "main.md", "same")
    delete(either, "main.md", first.version)
    again = write(either, "main.md", "same")
    assert again.version != first.version
    with pytest.raises(MemoryConflictError):
        write(either, "main.md", "stale", first.version)


@pytest.mark.parametrize("text", ["one", "nul\0"])
def test_a_change_by_another_program_is_noticed(store, text):
    created = write(store, "main.md", text)
    (record,) = store.store.list()
    store.store.update(record.id, content="edited by hand")
    with pytest.raises(MemoryConflictError):
        write(store, "main.md", "two", created.version)
    file = read(store, "main.md")
    assert file.content == "edited by hand"
    assert write(store, "main.md", "two", file.version).existed


def test_of_writers_of_one_version_one_wins(store):
    version = write(store, "main.md", "0").version

    async def outcome(n):
        try:
            await store.write("main.md", str(n), expected_version=version)
        except MemoryConflictError:
            return None
        return n

    async def race():
        return await asyncio.gather(*(outcome(n) for n in range(8)))

    (winner,) = [n for n in run(race()) if n is not None]
    assert read(store, "main.md").content == str(winner)


def test_writers_in_two_processes_lose_nothing(store, path):
    write(store, "main.md", "")
    program = (
        "import asyncio, sys\n"
        "from pydantic_ai_harness.memory import MemoryConflictError\n"
        "from agentmem.pydantic_ai import AgentMemMemoryStore\n"
        "async def main():\n"
        "    store, n = AgentMemMemoryStore(sys.argv[1]), 0\n"
        "    while n < 30:\n"
        "        file = await store.read('main.md', max_chars=10000)\n"
        "        try:\n"
        "            content = f'{file.content} {sys.argv[2]}{n}'\n"
        "            await store.write('main.md', content, expected_version=file.version)\n"
        "            n += 1\n"
        "        except MemoryConflictError:\n"
        "            pass\n"
        "asyncio.run(main())"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait(100) for writer in writers] == [0, 0]
    assert sorted(read(store, "main.md").content.split()) == sorted(
        f"{name}{n}" for name in "ab" for n in range(30)
    )


# Operations


def test_a_repeated_operation_changes_nothing_and_returns_its_receipt(either):
    operation = MemoryOperation(id="run-1:call-1", fingerprint="write main.md one")
    assert run(either.get_operation(operation)) is None
    first = write(either, "main.md", "one", operation=operation)
    assert read(either, "main.md").operation_id == operation.id
    later = write(either, "main.md", "two", first.version)
    replay = write(either, "main.md", "one", operation=operation)
    assert (replay.version, replay.existed, replay.replayed) == (first.version, False, True)
    assert run(either.get_operation(operation)) == replay
    file = read(either, "main.md")
    assert (file.content, file.version, file.operation_id) == ("two", later.version, None)
    removal = MemoryOperation(id="run-1:call-2", fingerprint="delete main.md")
    assert delete(either, "main.md", later.version, operation=removal).existed
    again = delete(either, "main.md", later.version, operation=removal)
    assert (again.version, again.existed, again.replayed) == (None, True, True)


def test_an_operation_belongs_to_its_arguments(either):
    write(either, "main.md", "one", operation=MemoryOperation("call", "one"))
    other = MemoryOperation("call", "two")
    for work in (
        either.get_operation(other),
        either.write("x.md", "x", expected_version=None, operation=other),
    ):
        with pytest.raises(MemoryOperationConflictError):
            run(work)
    assert read(either, "x.md") is None


def test_an_operation_that_was_refused_leaves_no_receipt(either):
    operation = MemoryOperation("call", "one")
    with pytest.raises(MemoryConflictError):
        write(either, "main.md", "one", "stale", operation=operation)
    assert run(either.get_operation(operation)) is None
    assert not write(either, "main.md", "one", operation=operation).replayed


def test_a_deletion_of_nothing_is_remembered(either):
    operation = MemoryOperation("call", "delete")
    assert not delete(either, "missing.md", operation=operation).existed
    replay = delete(either, "missing.md", operation=operation)
    assert (replay.existed, replay.replayed) == (False, True)


def test_one_operation_at_once_is_done_once(store):
    operation = MemoryOperation("call", "append")

    async def race():
        writes = [store.write("main.md", "x", expected_version=None, operation=operation) for _ in range(6)]
        return await asyncio.gather(*writes)

    results = run(race())
    assert [result.replayed for result in results].count(False) == 1
    assert len({result.version for result in results}) == 1


@pytest.mark.parametrize("name", ["", "a/../b", "x" * 3000, "nul\0", "👋"])
def test_an_operation_may_have_any_name(store, name):
    operation = MemoryOperation(name, "fingerprint " + name)
    write(store, "main.md", "one", operation=operation)
    assert read(store, "main.md").operation_id == name
    assert run(store.get_operation(operation)).replayed


def test_receipts_expire(store, clock):
    operation = MemoryOperation("call", "one")
    write(store, "main.md", "one", operation=operation)
    clock.move(29 * 24 * 3600)
    assert run(store.get_operation(operation)).replayed
    clock.move(2 * 24 * 3600)
    assert run(store.get_operation(operation)) is None


# Metadata


def test_metadata_is_that_of_the_last_write(either):
    async def by(author, version):
        return await either.write_with_metadata(
            "main.md", "text", expected_version=version, metadata=author and {"by": author}
        )

    version = None
    for author, expected in (("ann", {"by": "ann"}), ("bob", {"by": "bob"}), (None, None)):
        version = run(by(author, version)).version
        assert read(either, "main.md").metadata == expected
    version = run(by("ann", version)).version
    write(either, "main.md", "text", version)
    assert read(either, "main.md").metadata is None


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"n": 1}, TypeError),
        ({1: "n"}, TypeError),
        ({"a": "\0"}, ValueError),
        ({"a": "x" * 5000}, ValueError),
    ],
)
def test_other_metadata_is_refused_and_nothing_is_written(either, metadata, error):
    with pytest.raises(error):
        run(either.write_with_metadata("main.md", "text", expected_version=None, metadata=metadata))
    assert read(either, "main.md") is None


# Paths and bounds


@pytest.mark.parametrize(
    "bad", ["", "/a", "a//b", "a/", "../a", "a/../b", "a/./b", ".", "a b", "é", "a\0", "x" * 201]
)
def test_other_paths_are_refused(either, bad):
    for work in (
        either.read(bad, max_chars=1),
        either.write(bad, "text", expected_version=None),
        either.write_with_metadata(bad, "text", expected_version=None, metadata=None),
        either.delete(bad, expected_version=None),
    ):
        with pytest.raises(ValueError, match="path"):
            run(work)
    if bad not in ("", "a/"):
        with pytest.raises(ValueError, match="path"):
            run(either.list_paths(bad, limit=1))
        with pytest.raises(ValueError, match="path"):
            search(either, bad, "text")
    assert run(either.list_paths(limit=10)) == []


def test_reads_are_bounded(either):
    version = write(either, "main.md", "0123456789").version
    for bound, content, truncated in (
        (4, "0123", True),
        (10, "0123456789", False),
        (11, "0123456789", False),
    ):
        file = read(either, "main.md", bound)
        assert (file.content, file.truncated, file.version) == (content, truncated, version)
    for bound in (0, -1):
        with pytest.raises(ValueError, match="max_chars"):
            read(either, "main.md", bound)


def test_paths_are_listed_in_order_by_prefix(either):
    names = ["b/c/d.md", "b.md", "b/a.md", "a.md", "bb/x.md", "B/a.md"]
    for name in names:
        write(either, name, name)
    assert run(either.list_paths(limit=100)) == sorted(names)
    assert run(either.list_paths(limit=2)) == sorted(names)[:2]
    assert run(either.list_paths("b/", limit=100)) == ["b/a.md", "b/c/d.md"]
    assert run(either.list_paths("b", limit=100)) == ["b.md", "b/a.md", "b/c/d.md", "bb/x.md"]
    assert run(either.list_paths("b/c", limit=100)) == ["b/c/d.md"]
    assert run(either.list_paths("missing/", limit=100)) == []
    with pytest.raises(ValueError, match="limit"):
        run(either.list_paths(limit=0))


# Search


def test_a_search_stays_in_its_folder(either):
    for path, text in {
        "alice/main/one.md": "alpha alpha beacon",
        "alice/main/two.md": "alpha",
        "alice/main/three.md": "nothing",
        "alice/main/deeper/four.md": "alpha",
        "alice/other.md": "alpha",
        "bob/main/secret.md": "alpha alpha alpha",
    }.items():
        write(either, path, text)
    result = search(either, "alice/main/", "alpha beacon")
    assert paths(result) == ["alice/main/one.md", "alice/main/two.md"]
    assert (result.scanned, result.truncated) == (3, False)
    assert [match.snippet for match in result.matches] == ["alpha alpha beacon", "alpha"]
    scores = [match.score for match in result.matches]
    assert scores == sorted(scores, reverse=True)
    assert paths(search(either, "alice/", "alpha")) == ["alice/other.md"]
    assert paths(search(either, "alice/main/", "alice main")) == [], "the prefix is not searched"


def test_a_search_is_bounded(either):
    for name in "abcd":
        write(either, f"m/{name}.md", "0123456789 alpha tail " * 3)
    by_files = search(either, "m/", "alpha", max_files=2)
    assert (paths(by_files), by_files.scanned, by_files.truncated) == (["m/a.md", "m/b.md"], 2, True)
    by_limit = search(either, "m/", "alpha", limit=1)
    assert (len(by_limit.matches), by_limit.scanned, by_limit.truncated) == (1, 4, True)
    by_chars = search(either, "m/", "alpha", max_chars=100)
    assert sum(len(match.path) - 2 + len(match.snippet) for match in by_chars.matches) <= 100
    assert by_chars.truncated
    assert search(either, "m/", "alpha", max_chars=1).matches == []
    by_file_chars = search(either, "m/", "alpha", max_file_chars=10)
    assert (by_file_chars.matches, by_file_chars.truncated) == ([], True)
    for bounds in ({"limit": 0}, {"max_files": 0}, {"max_chars": 0}, {"max_file_chars": 0}):
        empty = search(either, "m/", "alpha", **bounds)
        assert (empty.matches, empty.scanned, empty.truncated) == ([], 0, False)
    assert search(either, "m/", " ").scanned == 0


def test_a_snippet_shows_the_place(either):
    write(either, "a", "0123456789 " * 20 + "alpha" + " 0123456789" * 20)
    for size in range(1, 40):
        (match,) = search(either, "", "alpha", max_chars=1 + size).matches
        assert len(match.snippet) == size
        assert set(match.snippet[:3]) == {"."}
        assert "alpha" in match.snippet or size < 14


def test_a_file_is_found_by_its_name(either):
    write(either, "m/postgres-migration.md", "Moved on Monday.")
    write(either, "m/other.md", "Nothing about it. postgres")
    assert paths(search(either, "m/", "POSTGRES")) == ["m/postgres-migration.md", "m/other.md"]


def test_texts_are_found_by_relevance(store):
    for name, text in {
        "deploy.md": "We deployed the billing service to Frankfurt; the rollout was painful.",
        "coffee.md": "The team likes coffee. The coffee machine is on floor 3. Coffee is free.",
        "people.md": "Alice leads the billing team.",
    }.items():
        write(store, f"m/{name}", text)
    assert paths(search(store, "m/", "deploying the billng services"))[0] == "m/deploy.md"


# Beside the contract


@pytest.mark.parametrize("text", ["", " ", "\r\n", "nul\0", "\ud800", "👋", "x" * 100_000])
def test_any_text_comes_back_exactly(store, text):
    version = write(store, "main.md", text).version
    file = read(store, "main.md", 1_000_000)
    assert (file.content, file.version) == (text, version)
    assert write(store, "main.md", text + "!", version).existed


def test_a_path_that_no_scope_can_hold_is_refused(store):
    with pytest.raises(ValueError, match="scope"):
        write(store, "/".join(["x" * 200] * 7), "text")
    assert store.store.count() == 0


def test_metadata_and_paths_are_there_for_programs(store):
    run(store.write_with_metadata("alice/a.md", "tea", expected_version=None, metadata={"by": "agent"}))
    (record,) = store.store.list(scope="/pydantic-ai/alice", where={"/written/by": "agent"})
    assert (record.content, record.metadata["path"]) == ("tea", "alice/a.md")


def test_event_loops_share_a_store(store):
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda n: write(store, f"{n}.md", "text"), range(6)))
    assert len(run(store.list_paths(limit=10))) == 6


def test_a_cancelled_write_has_ended_when_its_caller_goes_on(store):
    async def cancelled():
        task = asyncio.create_task(store.write("main.md", "text", expected_version=None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return store.store.count()

    assert run(cancelled()) == store.store.count()


def test_only_a_store_that_was_opened_here_is_closed(path):
    with agentmem.open(path) as own:
        store = AgentMemMemoryStore(own)
        store.close()
        write(store, "main.md", "text")
    with pytest.raises(agentmem.StoreClosedError):
        read(store, "main.md")
    other = AgentMemMemoryStore(path)
    other.close()
    assert read(other, "main.md").content == "text", "it opens again"
    other.close()


# In an agent


def scripted(*calls):
    """A model that makes these calls of tools, one in each answer, and then says that it is done."""

    def answer(messages, info):
        returned = sum(isinstance(part, ToolReturnPart) for message in messages for part in message.parts)
        part = ToolCallPart(*calls[returned]) if returned < len(calls) else TextPart("Done.")
        return ModelResponse(parts=[part])

    return FunctionModel(answer)


def results(run):
    return [
        part.content
        for message in run.all_messages()
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


def test_an_agent_remembers(store):
    calls = [
        ("write_memory", {"content": "Prefers tea."}),
        ("write_memory", {"content": "coffee", "old_text": "tea"}),
        ("write_memory", {"content": "The car is red.", "file": "car"}),
        ("read_memory", {"file": "MEMORY.md"}),
        ("search_memory", {"query": "red car"}),
        ("delete_memory", {"file": "car.md"}),
    ]
    memory = Memory(store, namespace="alice", write_metadata={"by": "agent"})
    answers = results(Agent(scripted(*calls), capabilities=[memory]).run_sync("Hello"))
    assert [answer["status"] for answer in answers[:3]] == ["created", "updated", "created"]
    assert answers[3] == "Prefers coffee.\n"
    assert [match["file"] for match in answers[4]["matches"]] == ["car.md"]
    assert answers[5]["status"] == "deleted"
    assert read(store, "alice/main/MEMORY.md").metadata == {"by": "agent"}
    later = Agent(scripted(), capabilities=[memory]).run_sync("Hello again")
    assert "Prefers coffee." in str(later.all_messages()), "the notebook is in the next run"
    stranger = Agent(scripted(), capabilities=[Memory(store, namespace="bob")]).run_sync("Hello")
    assert "coffee" not in str(stranger.all_messages())


# Documentation

NOTED = ("write_memory", {"content": "Prefers tea."})


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("pydantic_ai"), ids=lambda test: test.name
)
def test_the_example_of_the_docstring_runs(example):
    documentation.run(example, {"model": scripted(NOTED)})


@pytest.mark.parametrize("example", documentation.page_examples("frameworks/pydantic-ai.md"))
def test_the_example_of_the_page_runs(example, capsys):
    exec(compile(example, "pydantic-ai.md", "exec"), {"model": scripted(NOTED)})
    assert "alice/main/MEMORY.md Prefers tea." in capsys.readouterr().out
