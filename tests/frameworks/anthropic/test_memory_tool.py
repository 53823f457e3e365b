"""The memory tool beyond the SDK's own tests: the SDK's tool as an oracle, history, processes, odd input."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import anthropic
import documentation
import pytest
from anthropic.lib.tools import ToolError
from anthropic.tools import BetaLocalFilesystemMemoryTool
from hypothesis import given, settings
from hypothesis import strategies as st

import agentmem
from agentmem.anthropic import AgentMemAsyncMemoryTool, AgentMemMemoryTool

sys.path.insert(0, str(Path(__file__).parent))
from scripted import Script, say, use

NOTES = "/memories/notes.md"


@pytest.fixture
def tool(path):
    tool = AgentMemMemoryTool(path)
    yield tool
    tool.close()


def call(tool, command, **arguments):
    return tool.call({"command": command, **arguments})


def create(tool, path=NOTES, text="one\ntwo\n"):
    return call(tool, "create", path=path, file_text=text)


def view(tool, path=NOTES):
    return call(tool, "view", path=path)


def listed(tool, path="/memories"):
    """The lines of a listing, as pairs of a size and a path."""
    return [tuple(line.split("\t")) for line in view(tool, path).split("\n")[1:]]


def contents(tool, path=NOTES):
    return [record.content for record in tool.history(path)]


# The SDK's own tool is the oracle: the same commands give the same texts.

paths = st.sampled_from(
    ["", "/", "/a", "/b/", "/a/b", "/a/./c", "/b/c/d", "/b/c/e.md", "/.h/x", "/b/..", "/../x"]
)
lines = st.lists(st.sampled_from(["one", "two", "", "one two", "two\r"]), max_size=5).map("\n".join)
place = paths.map(lambda path: "/memories" + path)
commands = st.one_of(
    st.builds(dict, command=st.just("view"), path=place),
    st.builds(
        dict,
        command=st.just("view"),
        path=place,
        view_range=st.lists(st.integers(-1, 6), min_size=2, max_size=2),
    ),
    st.builds(dict, command=st.just("create"), path=place, file_text=lines),
    st.builds(
        dict,
        command=st.just("str_replace"),
        path=place,
        old_str=st.sampled_from(["one", "two", "o"]),
        new_str=lines,
    ),
    st.builds(dict, command=st.just("insert"), path=place, insert_line=st.integers(-1, 6), insert_text=lines),
    st.builds(dict, command=st.just("delete"), path=place),
    st.builds(dict, command=st.just("rename"), old_path=place, new_path=place),
)


def answer(tool, given):
    """The text of the answer or of the refusal; None for a refusal by the operating system."""
    try:
        text = tool.call(given)
    except ToolError as error:
        return f"refused: {error}"
    except OSError:
        return None
    if "levels deep" in text:
        # Directories, of which the first is the one that was asked for, have sizes of the file system's own.
        header, first, *names = text.split("\n")
        names = [name.split("\t")[1] if name.endswith("/") else name for name in [first + "/", *names]]
        text = "\n".join([header, *names]).replace("//", "/")  # the SDK writes two slashes below "/memories/"
    return text


def remove_empty_folders(root):
    """Folders are there only as long as they have files."""
    for folder, _, _ in os.walk(root, topdown=False):
        if folder != str(root):
            with suppress(OSError):
                os.rmdir(folder)


@given(st.lists(commands, min_size=1, max_size=12))
@settings(deadline=None, max_examples=150)
def test_the_same_commands_give_the_same_texts_as_the_sdks_own_tool(given):
    folder = Path(tempfile.mkdtemp(prefix="agentmem-oracle-"))
    sdk = BetaLocalFilesystemMemoryTool(base_path=str(folder))
    with agentmem.open(folder / "memory.db", durability="normal") as store:
        tool = AgentMemMemoryTool(store)
        for one in given:
            ours, expected = answer(tool, one), answer(sdk, one)
            assert ours == expected or (expected is None and ours.startswith("refused: ")), one
            remove_empty_folders(sdk.memory_root)
    shutil.rmtree(folder)


# Paths


@pytest.mark.parametrize("given", ["/memoriesX", "/memoriesX/a", "memories/a", "", "/", None, 3])
def test_paths_outside_memories_are_refused(tool, given):
    with pytest.raises(ToolError, match=f"Path must start with /memories, got: {given}"):
        create(tool, given)


@pytest.mark.parametrize(
    "given", ["/memories/../etc/passwd", "/memories/a/../../x", "/memories/../memoriesX"]
)
def test_paths_that_leave_memories_are_refused(tool, given):
    with pytest.raises(ToolError, match="would escape /memories directory"):
        create(tool, given)
    assert tool.store.count() == 0


@pytest.mark.parametrize(
    "name", ["..\\x", "%2e%2e%2fx", "a b", " ", "...", "👋", "é", "x" * 900, "%", "C:", "~", "*"]
)
def test_any_other_name_is_plain(tool, name):
    path = f"/memories/{name}/{name}"
    create(tool, path, "mine")
    create(tool, f"/memories/{name}2", "other")
    assert view(tool, path) == f"Here's the content of {path} with line numbers:\n     1\tmine"
    call(tool, "delete", path=f"/memories/{name}")
    assert tool.store.count() == 1


@pytest.mark.parametrize("given", ["/memories/nul\0", "/memories/\ud800", "/memories" + "/long" * 300])
def test_paths_that_no_store_can_hold_are_refused(tool, given):
    for name in ("view", "create", "delete", "str_replace", "insert", "rename"):
        arguments = {"path": given, "file_text": "", "old_path": NOTES, "new_path": given, "old_str": "x"}
        with pytest.raises(ToolError, match=r"NUL|too long"):
            call(tool, name, insert_text="x", **arguments)
    assert tool.store.count() == 0


def test_a_file_is_no_directory(tool):
    create(tool)
    for path in (f"{NOTES}/below", f"{NOTES}/far/below"):
        with pytest.raises(ToolError, match=f"The path {NOTES} is not a directory"):
            create(tool, path)
    create(tool, "/memories/a/b")
    with pytest.raises(ToolError, match="File /memories/a already exists"):
        create(tool, "/memories/a")
    with pytest.raises(ToolError, match="inside it"):
        call(tool, "rename", old_path="/memories/a", new_path="/memories/a/c")
    with pytest.raises(ToolError, match="The path /memories/a is not a file"):
        call(tool, "insert", path="/memories/a", insert_line=0, insert_text="x")


@pytest.mark.parametrize("given", ["/memories", "/memories/", "/memories/.", "/memories/sub/.."])
def test_the_root_is_always_there(tool, given):
    create(tool)
    with pytest.raises(ToolError, match="Cannot delete the /memories directory itself"):
        call(tool, "delete", path=given)
    with pytest.raises(ToolError, match="Cannot rename the /memories directory itself"):
        call(tool, "rename", old_path=given, new_path="/memories/x")
    assert tool.clear_all_memory() == "All memory cleared"
    assert listed(tool, given) == [("0B", given)]


# Contents


def test_a_listing_has_sizes_two_levels_deep(tool):
    for path, text in {
        "b": "",
        "a/x": "12345",
        "a/b/deep": "x" * 1536,
        "a/.hidden": "x",
        "é": "é" * 512,
    }.items():
        create(tool, f"/memories/{path}", text)
    names = [("1.5K", "a/"), ("1.5K", "a/b/"), ("5B", "a/x"), ("0B", "b"), ("1K", "é")]
    assert listed(tool) == [("2.5K", "/memories"), *((size, f"/memories/{name}") for size, name in names)]


def test_line_endings_stay_as_they_are(tool):
    create(tool, text="line1\r\nline2\r\nline3\r\n")
    call(tool, "str_replace", path=NOTES, old_str="line2", new_str="LINE2")
    call(tool, "insert", path=NOTES, insert_line=1, insert_text="Inserted")
    assert contents(tool)[-1] == "line1\r\nInserted\nLINE2\r\nline3\r\n"
    assert view(tool).endswith(
        "     1\tline1\r\n     2\tInserted\n     3\tLINE2\r\n     4\tline3\r\n     5\t"
    )


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t"])
def test_files_may_be_empty_or_blank(tool, text):
    create(tool, text=text)
    assert contents(tool) == [text]
    call(tool, "insert", path=NOTES, insert_line=0, insert_text="first")
    assert contents(tool)[-1].startswith("first\n")


def test_a_replacement_without_new_str_removes_the_text(tool):
    create(tool)
    call(tool, "str_replace", path=NOTES, old_str="one\n")
    assert contents(tool)[-1] == "two\n"


def test_the_empty_text_is_not_replaced(tool):
    create(tool)
    with pytest.raises(ToolError, match="did not appear verbatim"):
        call(tool, "str_replace", path=NOTES, old_str="", new_str="x")


@pytest.mark.parametrize("text", [None, 3, ["x"], "nul\0", "\ud800"])
def test_what_a_file_cannot_hold_is_refused_and_nothing_changes(tool, text):
    with pytest.raises(ToolError, match=r"NUL|surrogate|should be text"):
        create(tool, "/memories/new", text)
    create(tool)
    if text is not None:
        with pytest.raises(ToolError, match=r"NUL|surrogate|should be text"):
            call(tool, "str_replace", path=NOTES, old_str="one", new_str=text)
    with pytest.raises(ToolError, match=r"NUL|surrogate|should be text"):
        call(tool, "insert", path=NOTES, insert_line=0, insert_text=text)
    assert contents(tool) == ["one\ntwo\n"]
    assert tool.store.count() == 1


@pytest.mark.parametrize("line", [None, "x", -1, 3])
def test_a_line_that_is_not_there_is_refused(tool, line):
    create(tool)
    with pytest.raises(ToolError, match=r"Invalid `insert_line` parameter: .*within the range \[0, 2\]"):
        call(tool, "insert", path=NOTES, insert_line=line, insert_text="x")


# History


def test_every_version_of_a_file_is_kept(tool):
    create(tool)
    call(tool, "str_replace", path=NOTES, old_str="one", new_str="1")
    call(tool, "insert", path=NOTES, insert_line=2, insert_text="three")
    call(tool, "rename", old_path="/memories/notes.md", new_path="/memories/old/notes.md")
    call(tool, "rename", old_path="/memories/old", new_path="/memories/older")
    versions = tool.history("/memories/older/notes.md")
    assert [record.content for record in versions] == ["one\ntwo\n", "1\ntwo\n", "1\ntwo\nthree\n"]
    assert tool.store.get(versions[-1].id, at=versions[1].created_at).content == "1\ntwo\n"
    with pytest.raises(ToolError, match="does not exist"):
        tool.history(NOTES)


def test_a_deleted_file_takes_its_history_with_it(tool):
    create(tool)
    call(tool, "str_replace", path=NOTES, old_str="one", new_str="secret")
    call(tool, "delete", path=NOTES)
    create(tool, text="new")
    assert contents(tool) == ["new"]


def test_a_refused_edit_leaves_no_version(tool):
    create(tool, text="a a")
    for arguments in ({"old_str": "a", "new_str": "b"}, {"old_str": "c", "new_str": "b"}):
        with pytest.raises(ToolError, match="No replacement was performed"):
            call(tool, "str_replace", path=NOTES, **arguments)
    assert contents(tool) == ["a a"]


def test_files_are_found_by_what_they_say(tool):
    create(tool, "/memories/drinks.md", "Alice prefers tea.")
    create(tool, "/memories/cars.md", "The car is red.")
    assert tool.search("Does Alice drink tea?")[0].record.metadata["path"] == "/memories/drinks.md"
    call(tool, "delete", path="/memories/drinks.md")
    assert tool.search("tea") == []


# Users, processes, loops


@pytest.mark.parametrize(
    "user", ["", "a/../b", "..", "x" * 3000, "a b", "nul\0", "👋", "\ud800", "default/x"]
)
def test_each_user_has_files_of_their_own(tool, user):
    theirs = AgentMemMemoryTool(tool.store, user=user)
    create(tool, text="mine")
    create(theirs, text="theirs")
    create(theirs, "/memories/x/y", "theirs")
    assert contents(tool) == ["mine"]
    assert listed(tool) == [("4B", "/memories"), ("4B", NOTES)]
    assert [hit.record.content for hit in theirs.search("mine theirs")] == ["theirs", "theirs"]
    theirs.clear_all_memory()
    assert contents(tool) == ["mine"]


def test_other_records_of_the_store_are_left_alone(tool):
    tool.store.add("a fact", scope="/anthropic/default")
    create(tool)
    assert listed(tool) == [("8B", "/memories"), ("8B", NOTES)]
    tool.clear_all_memory()
    assert [record.content for record in tool.store.list()] == ["a fact"]


def test_a_file_is_read_without_looking_through_its_folder(tool, monkeypatch):
    create(tool, "/memories/a/b")
    monkeypatch.setattr(agentmem.MemoryStore, "list", None)
    assert "one" in view(tool, "/memories/a/b")
    call(tool, "insert", path="/memories/a/b", insert_line=0, insert_text="zero")
    assert contents(tool, "/memories/a/b") == ["one\ntwo\n", "zero\none\ntwo\n"]


def test_a_place_that_a_file_has_left_is_free(tool):
    for n in range(3):
        create(tool, text=f"{n}\n")
        call(tool, "rename", old_path=NOTES, new_path=f"/memories/{n}")
    call(tool, "rename", old_path="/memories/1", new_path=NOTES)
    assert [contents(tool, path) for path in ("/memories/0", NOTES, "/memories/2")] == [
        ["0\n"],
        ["1\n"],
        ["2\n"],
    ]
    call(tool, "delete", path=NOTES)
    create(tool, text="new")
    assert contents(tool) == ["new"]


def test_edits_of_two_processes_are_not_lost(tool, path):
    create(tool, text="")
    program = (
        "import sys\nfrom agentmem.anthropic import AgentMemMemoryTool\n"
        "tool = AgentMemMemoryTool(sys.argv[1])\n"
        "for n in range(30):\n"
        "    tool.call({'command': 'insert', 'path': '/memories/notes.md', 'insert_line': 0,\n"
        "        'insert_text': f'{sys.argv[2]} {n}'})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait(100) for writer in writers] == [0, 0]
    expected = {f"{name} {n}" for name in "ab" for n in range(30)}
    assert sorted(contents(tool)[-1].split()) == sorted(" ".join(expected).split())
    assert len(contents(tool)) == 61


def outcomes(*calls):
    """What became of calls that run at once: True, or the text of the refusal."""

    def outcome(one):
        start.wait()
        try:
            one()
        except ToolError as error:
            return str(error)
        return True

    start = threading.Barrier(len(calls))
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(outcome, one) for one in calls]]


@pytest.mark.parametrize("_round", range(10))
def test_changes_of_the_tree_that_exclude_each_other_do_not_both_happen(tool, _round):
    create(tool, "/memories/from/x")
    same = [lambda: create(tool, "/memories/new", "x")] * 2
    file_or_folder = [lambda: create(tool, "/memories/a"), lambda: create(tool, "/memories/a/b")]
    renames = [
        lambda to=to: call(tool, "rename", old_path="/memories/from", new_path=f"/memories/{to}")
        for to in ("p", "q")
    ]
    for calls in (same, file_or_folder, renames):
        assert outcomes(*calls).count(True) == 1


@pytest.mark.parametrize("_round", range(10))
def test_a_directory_is_renamed_with_all_its_files_or_not_at_all(tool, _round):
    for n in range(5):
        create(tool, f"/memories/from/{n}")
    results = outcomes(
        lambda: call(tool, "rename", old_path="/memories/from", new_path="/memories/to"),
        lambda: create(tool, "/memories/from/late"),
        lambda: call(tool, "insert", path="/memories/from/3", insert_line=0, insert_text="edited"),
    )
    assert results[:2] == [True, True]
    assert tool.store.count() == 6
    files = {record.metadata["path"]: record for record in tool.store.list(None)}
    assert {f"/memories/to/{n}" for n in range(5)} < set(files)
    assert files["/memories/to/3"].content.startswith("edited") == (results[2] is True)
    assert all(
        file.scope == "/anthropic/default" + path[9:].rpartition("/")[0] for path, file in files.items()
    )


def test_a_closed_store_is_named(path):
    with agentmem.open(path) as store:
        tool = AgentMemMemoryTool(store)
        tool.close()
        create(tool)
    with pytest.raises(agentmem.StoreClosedError):
        view(tool)
    own = AgentMemMemoryTool(path)
    own.close()
    assert view(own).endswith("one\n     2\ttwo\n     3\t"), "it opens again"
    own.close()


def test_the_async_tool_works_on_the_same_files(tool):
    same = AgentMemAsyncMemoryTool(tool.store)

    async def run():
        await create(same, text="one\n")
        await call(same, "str_replace", path=NOTES, old_str="one", new_str="two")
        await call(same, "rename", old_path=NOTES, new_path="/memories/b")
        assert (await same.search("two"))[0].record.content == "two\n"
        assert [record.content for record in await same.history("/memories/b")] == ["one\n", "two\n"]
        with pytest.raises(ToolError, match="does not exist"):
            await view(same)
        await call(same, "delete", path="/memories/b")
        return await same.clear_all_memory()

    assert asyncio.run(run()) == "All memory cleared"


def test_event_loops_share_a_tool(tool):
    same = AgentMemAsyncMemoryTool(tool.store)
    calls = [lambda n=n: asyncio.run(create(same, f"/memories/{n}")) for n in range(6)]
    assert outcomes(*calls) == [True] * 6
    assert len(listed(tool)) == 7


def test_a_cancelled_command_has_ended_when_its_caller_goes_on(tool):
    same = AgentMemAsyncMemoryTool(tool.store)

    async def run():
        task = asyncio.create_task(create(same))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return tool.store.count()

    before = asyncio.run(run())
    assert tool.store.count() == before


# With the SDK's runner

ASK = {"model": "claude-sonnet-5-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}
DIALOGUE = (
    use("memory", command="create", path=NOTES, file_text="Prefers tea."),
    use("memory", command="view", path="/memories/missing"),
    use("search_memory", query="tea"),
    say("Done."),
)
RESULTS = [
    (False, f"File created successfully at: {NOTES}"),
    (True, "The path /memories/missing does not exist. Please provide a valid path."),
    (False, f"{NOTES}: Prefers tea."),
]


def test_the_runner_runs_the_tools(tool):
    script = Script(*DIALOGUE)
    script.client().beta.messages.tool_runner(tools=[tool, tool.search_tool()], **ASK).until_done()
    assert script.requests[0]["tools"][0] == {"type": "memory_20250818", "name": "memory"}
    assert script.results == RESULTS


def test_the_async_runner_runs_the_tools(path):
    script = Script(*DIALOGUE)
    tool = AgentMemAsyncMemoryTool(path)

    async def run():
        tools = [tool, tool.search_tool()]
        await script.async_client().beta.messages.tool_runner(tools=tools, **ASK).until_done()

    asyncio.run(run())
    tool.close()
    assert script.results == RESULTS


def test_cache_control_is_passed_on(path):
    for kind in (AgentMemMemoryTool, AgentMemAsyncMemoryTool):
        tool = kind(path, cache_control={"type": "ephemeral"})
        assert tool.to_dict()["cache_control"] == {"type": "ephemeral"}
        tool.close()


# Documentation

NOTED = (use("memory", command="create", path=NOTES, file_text="Prefers tea."), say("Noted."))


@pytest.mark.parametrize(
    "example", documentation.examples_of_framework("anthropic"), ids=lambda test: test.name
)
def test_the_example_of_the_docstring_runs(example):
    documentation.run(example, {"client": Script(*NOTED).client()})


@pytest.mark.parametrize("example", documentation.page_examples("frameworks/anthropic.md"))
def test_the_example_of_the_page_runs(example, monkeypatch, capsys):
    monkeypatch.setattr(anthropic, "Anthropic", Script(*NOTED).client)
    exec(compile(example, "anthropic.md", "exec"), {})
    assert "Noted." in capsys.readouterr().out
