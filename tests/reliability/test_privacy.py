"""Nothing crosses a scope or a private record's walls, whichever way one reads; files are their owner's
alone.
"""

from __future__ import annotations

import io
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentmem

parts = st.sampled_from(["a", "b", "ab", "a-b", "0", "ü"])
scopes = st.lists(parts, max_size=3).map(lambda names: "/" + "/".join(names))
sources = st.sampled_from([None, "alice", "bob", "ALICE", "alice "])
records = st.lists(
    st.fixed_dictionaries(
        {
            "content": st.just("the secret word"),
            "scope": scopes,
            "source": sources,
            "private": st.booleans(),
            "categories": st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True),
            "embedding": st.just([1.0, 0.5]),
        }
    ),
    max_size=12,
)
viewers = st.sampled_from(
    [{}, *({"source": who} for who in ("alice", "bob", "ALICE", "")), {"include_private": True}]
).filter(lambda viewer: viewer.get("source") != "")


def sees(viewer: dict[str, Any], scope: str, record: dict[str, Any]) -> bool:
    """May this viewer see this record in this scope?"""
    inside = scope == "/" or (record["scope"] + "/").startswith(scope + "/")
    owner = record["source"] is not None and record["source"] == viewer.get("source")
    return inside and (not record["private"] or owner or viewer.get("include_private", False))


def every_way_to_read(
    store: agentmem.MemoryStore, scope: str, viewer: dict[str, Any]
) -> dict[str, list[str]]:
    """The ids that each read shows."""
    out = io.BytesIO()
    store.export(out, scope=scope, **viewer)
    asked = {"limit": 100, "scope": scope, "vector": [1.0, 0.5], **viewer}
    everywhere = [record.id for record in store.list(None, include_private=True)]
    inside = {record.id for record in store.list(None, scope=scope, include_private=True)}
    ways = {
        "list": [record.id for record in store.list(None, scope=scope, **viewer)],
        "written": [
            record.id for record in store.list(None, order="written", after=0, scope=scope, **viewer)
        ],
        "ids": [record.id for record in store.list(None, ids=everywhere, scope=scope, **viewer)],
        "history": [id for id in inside if store.history(id, **viewer)],
        "at": [id for id in inside if store.get(id, at="2199-01-01", **viewer)],
        "changes": [change.id for change in store.changes(**viewer).items if change.id in inside],
        "explain": [id for id in inside if is_explained(store, id, scope, viewer)],
        "export": [json.loads(line)["id"] for line in out.getvalue().splitlines()],
        "search_many": [
            hit.record.id for hit in store.search_many(["secret"], 100, scope=scope, **viewer)[0]
        ],
    }
    for mode in ("hybrid", "bm25", "tfidf", "vector"):
        ways[mode] = [hit.record.id for hit in store.search("secret word", mode=mode, **asked)]
    return ways


def is_explained(store: agentmem.MemoryStore, id: str, scope: str, viewer: dict[str, Any]) -> bool:
    """Does an explanation show this record to the viewer?"""
    try:
        return bool(store.explain("secret word", id, scope=scope, **viewer).hit)
    except agentmem.RecordNotFoundError:
        return False


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(records=records, scope=scopes, viewer=viewers)
def test_nothing_crosses(records: list[dict[str, Any]], scope: str, viewer: dict[str, Any]) -> None:
    """Every read shows what the viewer may see in the scope, and nothing else, be it but a number or a
    name.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        agentmem.open(f"{folder}/m.db", durability="normal") as store,
    ):
        by_id = dict(zip(store.add_many(records), records, strict=True))
        allowed = {id: record for id, record in by_id.items() if sees(viewer, scope, record)}
        with agentmem.open(f"{folder}/m.db", index="disk") as disk:
            for reader in (store, disk):
                for way, shown in every_way_to_read(reader, scope, viewer).items():
                    assert sorted(shown) == sorted(allowed), way
        assert store.count(scope=scope, **viewer) == len(allowed)
        names = [name for record in allowed.values() for name in record["categories"]]
        assert store.categories(scope, **viewer) == {name: names.count(name) for name in set(names)}
        prefix = scope.rstrip("/") + "/"
        below = {r["scope"][len(prefix) :].split("/")[0] for r in allowed.values() if r["scope"] != scope}
        children = sorted((prefix + name for name in below if name), key=str.encode)
        assert store.scopes(scope, **viewer) == children
        assert store.scopes(scope, recursive=True, **viewer) == sorted(
            {record["scope"] for record in allowed.values()}, key=str.encode
        )
        groups = [{record.id for record in group} for group in store.duplicates(scope=scope, **viewer)]
        alike: dict[object, set[str]] = {}
        for id, record in allowed.items():
            owner = (record["source"],) if record["private"] else ()
            alike.setdefault((record["scope"], owner), set()).add(id)
        assert sorted(map(sorted, groups)) == sorted(sorted(ids) for ids in alike.values() if len(ids) > 1)
        info = store.scope_info(scope, **viewer)
        assert (info.records, info.children, (info.oldest is None)) == (len(allowed), children, not allowed)
        public = {id for id, record in by_id.items() if sees(viewer, "/", record)}
        assert {r.id for r in store.get_many(list(by_id), **viewer) if r} == public
        assert all((store.get(id, **viewer) is not None) == (id in public) for id in by_id)
        if viewer != {"include_private": True}:
            store.delete(scope=scope, **viewer)
            assert {r.id for r in store.list(None, include_private=True)} == by_id.keys() - allowed.keys()


def test_the_count_of_matches_does_not_tell_either(tmp_path: Path) -> None:
    """A limit is filled with what may be seen, not spent on what may not."""
    with agentmem.open(tmp_path / "memory.db") as store:
        store.add_many({"content": "secret word", "private": True, "source": "bob"} for _ in range(300))
        seen = store.add("a secret word among many others that are not so near")
        for mode in ("hybrid", "bm25", "tfidf"):
            assert [hit.record.id for hit in store.search("secret word", 5, mode=mode)] == [seen]


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask: the database, its log, index files, backups and exports."""
    old = os.umask(0)
    try:
        store = agentmem.open(tmp_path / "memory.db", durability="normal")
        store.add_many(f"note {n}" for n in range(4200))
        open_files = modes(tmp_path)
        store.backup(tmp_path / "backup.db")
        store.export(tmp_path / "export.jsonl")
        store.close()
    finally:
        os.umask(old)
    assert {"memory.db", "memory.db-wal", "memory.db-shm"} <= open_files.keys()
    found = {**open_files, **modes(tmp_path)}
    assert {"backup.db", "export.jsonl", "memory.db-index"} <= found.keys()
    assert any(name.endswith(".seg") for name in found)
    assert {name: oct(mode) for name, mode in found.items() if mode & 0o077} == {}


def modes(folder: Path) -> dict[str, int]:
    """The mode of everything below."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
