"""The file of the MCP reference memory server is imported and exported, without the SDK."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import agentmem
from agentmem.cli import cli
from agentmem.mcp import import_memory_file
from agentmem.mcp.importer import import_once
from agentmem.mcp.knowledge import KnowledgeGraph

LINES = [
    {"type": "entity", "name": "Alice", "entityType": "person", "observations": ["likes tea", "a\u2028b"]},
    {"type": "entity", "name": "", "entityType": "", "observations": [""]},
    {"type": "relation", "from": "Alice", "to": "nobody", "relationType": "knows"},
]
DAMAGED = [
    '{"type": "ent',
    "[]",
    '{"type": "entity", "name": 7}',
    '{"type": "relation"}',
    "\udcff",
    "[" * 9999,
]


def text(lines: list[dict[str, object]]) -> str:
    return "\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "memory.jsonl"
    file.write_text(text(LINES), encoding="utf-8")
    return file


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [*map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def test_a_file_comes_back_as_it_was(path: Path, file: Path) -> None:
    assert run("import", "mcp", file, "--path", path).stdout.endswith(
        "added 6 records, 0 were known, 0 broken\n"
    )
    assert run("export", "mcp", "out.jsonl", "--path", path).stdout == "wrote 3 lines to out.jsonl\n"
    assert Path("out.jsonl").read_bytes() == file.read_bytes()
    assert json.loads(run("export", "mcp", "-", "--path", path).stdout.splitlines()[0]) == LINES[0]
    assert json.loads(run("export", "mcp", "out.jsonl", "--json", "--path", path).stdout)["lines"] == 3


def test_a_second_import_adds_nothing_and_a_dry_run_writes_nothing(path: Path, file: Path) -> None:
    assert "would add 6 records" in run("import", "mcp", file, "--path", path, "--dry-run").stdout
    assert not path.exists()
    run("import", "mcp", file, "--path", path)
    report = json.loads(run("import", "mcp", file, "--path", path, "--json").stdout)
    assert (report["added"], report["known"], report["broken"]) == (0, 6, 0)


def test_a_file_that_does_not_exist_makes_no_store(path: Path) -> None:
    assert run("import", "mcp", "none.jsonl", "--path", path, code=1).stderr.count("\n") == 1
    assert not path.exists()


def test_damaged_lines_are_skipped_and_reported(path: Path, file: Path) -> None:
    lines = "\n".join([*DAMAGED, text(LINES), "", ""])
    file.write_bytes(lines.encode(errors="surrogateescape"))
    result = run("import", "mcp", file, "--path", path)
    assert f"added 6 records, 0 were known, {len(DAMAGED)} broken" in result.stdout
    assert f"{file}, line 1: not a line of a memory file" in " ".join(result.stderr.split())


def test_the_store_of_servers_is_the_default(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    run("import", "mcp", file)
    with agentmem.open(file.parent / ".local/share/agentmem/memory.db") as store:
        assert store.count() == 6


def test_scopes_have_graphs_of_their_own(store: agentmem.MemoryStore, file: Path) -> None:
    import_memory_file(store, file, "/a")
    import_memory_file(store, file, "b/")
    KnowledgeGraph(store, "/a").delete_entities(["Alice", ""])
    assert KnowledgeGraph(store, "/a").read().to_dict() == {"entities": [], "relations": []}
    assert len(KnowledgeGraph(store, "/b").read().entities) == 2
    with pytest.raises(agentmem.InvalidFilterError, match="inside a knowledge graph"):
        KnowledgeGraph(store, "/a/knowledge-graph")


def test_a_server_imports_a_file_once(store: agentmem.MemoryStore, file: Path) -> None:
    report = import_once(store, file, "/")
    assert report is not None
    assert (report.added, report.broken) == (6, 0)
    KnowledgeGraph(store).delete_entities(["Alice"])
    assert import_once(store, file, "/") is None
    assert [entity.name for entity in KnowledgeGraph(store).read().entities] == [""]


def test_an_import_that_fails_leaves_nothing(store: agentmem.MemoryStore, file: Path) -> None:
    file.write_text("", encoding="utf-8")
    file.chmod(0)
    try:
        file.read_bytes()
    except PermissionError:
        with pytest.raises(OSError, match="ermission"):
            import_once(store, file, "/")
    file.unlink()
    with pytest.raises(FileNotFoundError):
        import_once(store, file, "/")
    assert (store.count(), store.journals()) == (0, [])


def test_names_of_any_text_are_entities_of_their_own(store: agentmem.MemoryStore) -> None:
    names = ["", " ", "a/../b", "..", "x" * 3000, "👋", "%", "a: b", "Alice", "alice", "$in"]
    graph = KnowledgeGraph(store)
    graph.create_entities([{"name": name, "entityType": name, "observations": [name]} for name in names])
    for name in names:
        graph.add_observations([{"entityName": name, "contents": ["a", name + "\0\ud800"]}])
        (entity,) = graph.open([name]).entities
        assert entity.to_dict() == {
            "name": name,
            "entityType": name,
            "observations": [name, "a", name + "\ufffd\ufffd"],
        }
    graph.delete_entities([names[0]])
    assert [entity.name for entity in graph.read().entities] == names[1:]


def test_names_that_no_record_can_hold_stay_different(store: agentmem.MemoryStore) -> None:
    names = ["a\0", "a\ud800", "a\ufffd", "a\udfff"]
    graph = KnowledgeGraph(store)
    graph.create_entities([{"name": name, "entityType": "t", "observations": []} for name in names])
    for name in names:
        graph.add_observations([{"entityName": name, "contents": [f"{name!r}"]}])
        graph.create_relations([{"from": name, "to": names[2], "relationType": kind} for kind in names])
    assert len(graph.read().relations) == 16
    for name in names:
        (entity,) = graph.open([name]).entities
        assert [observation.text for observation in entity.observations] == [f"{name!r}"]
        assert graph.open([entity.name]).entities == [entity]
    graph.delete_observations([{"entityName": names[0], "observations": [f"{names[0]!r}"]}])
    graph.delete_relations([{"from": names[1], "to": names[2], "relationType": names[3]}])
    graph.delete_entities([names[3]])
    left = graph.read()
    assert [len(entity.observations) for entity in left.entities] == [0, 1, 1]
    assert len(left.relations) == 11


def test_an_imported_file_keeps_names_apart(store: agentmem.MemoryStore, file: Path) -> None:
    line = '{"type":"entity","name":"a%s","entityType":"t","observations":["x"]}'
    file.write_text("\n".join(line % end for end in ("\\u0000", "\\ud800", "\\ufffd")), encoding="utf-8")
    assert import_memory_file(store, file).added == 6
    assert len(KnowledgeGraph(store).read().entities) == 3
