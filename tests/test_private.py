"""A private record is seen only by its own source, or with include_private: in every read."""

from __future__ import annotations

from typing import Any

import pytest

from agentmem import MemoryStore

VIEWERS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"public", "signed"}),
    ({"source": "nobody"}, {"public", "signed"}),
    ({"source": "me"}, {"public", "signed", "mine"}),
    ({"source": "ME"}, {"public", "signed"}),
    ({"source": "you"}, {"public", "signed", "yours"}),
    ({"include_private": True}, {"public", "signed", "mine", "yours", "orphan"}),
    ({"include_private": False}, {"public", "signed"}),
]


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    for id, fields in {
        "public": {},
        "signed": {"source": "me"},
        "mine": {"source": "me", "private": True},
        "yours": {"source": "you", "private": True},
        "orphan": {"private": True},
    }.items():
        store.add(
            f"the secret word of {id}", id=id, scope=f"/{id}", categories=[id], embedding=[1.0, 2.0], **fields
        )  # type: ignore[arg-type]
    return store


@pytest.mark.parametrize(("viewer", "seen"), VIEWERS, ids=str)
def test_who_sees_what(filled: MemoryStore, viewer: dict[str, Any], seen: set[str]) -> None:
    every = ["public", "signed", "mine", "yours", "orphan"]
    assert {id for id in every if filled.get(id, **viewer)} == seen
    assert {record.id for record in filled.get_many(every, **viewer) if record} == seen
    assert {record.id for record in filled.list(**viewer)} == seen
    assert filled.count(**viewer) == len(seen)
    assert set(filled.categories(**viewer)) == seen
    assert {scope.removeprefix("/") for scope in filled.scopes(**viewer)} == seen
    info = filled.scope_info("/", **viewer)
    assert info.records == len(seen)
    assert set(info.categories) == seen
    assert {scope.removeprefix("/") for scope in info.children} == seen
    for mode in ("hybrid", "bm25", "tfidf", "vector"):
        vector = [1.0, 2.0] if mode == "vector" else None
        hits = filled.search("secret word", 100, mode=mode, vector=vector, **viewer)  # type: ignore[arg-type]
        assert {hit.record.id for hit in hits} == seen, mode
    filled.export("out.jsonl", **viewer)
    with open("out.jsonl") as file:
        text = file.read()
    assert {id for id in every if f'"id":"{id}"' in text} == seen


def test_privacy_follows_updates(filled: MemoryStore) -> None:
    filled.update("public", private=True, source="me")
    assert filled.get("public") is None
    assert {hit.record.id for hit in filled.search("secret word")} == {"signed"}
    filled.update("yours", private=False)
    assert {hit.record.id for hit in filled.search("secret word")} == {"signed", "yours"}
