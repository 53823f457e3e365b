"""Hits as JSON and as dicts."""

from __future__ import annotations

import json
import math

import pytest

from agentmem import Hit, MemoryStore, Record


def test_a_hit_says_in_json_what_it_is(store: MemoryStore) -> None:
    store.add("Alice prefers “email” 🚀", id="a", metadata={"n": [1, 2**63]}, embedding=[0.5, 1.0], ttl=3600)
    (hit,) = store.search("alice")
    text = hit.to_json()
    assert "\n" not in text
    parsed = json.loads(text)
    assert list(parsed) == list(hit.to_dict())
    assert (parsed["score"], parsed["explain"]) == (hit.score, hit.explain)
    assert parsed["record"] == json.loads(hit.record.to_json())
    assert Record.from_dict(parsed["record"]) == hit.record


def test_the_dict_is_of_python_values(store: MemoryStore) -> None:
    store.add("alice", id="a")
    (hit,) = store.search("alice")
    assert hit.to_dict() == {"record": hit.record.to_dict(), "score": hit.score, "explain": hit.explain}
    assert hit.to_dict()["record"]["version"] == hit.record.version


@pytest.mark.parametrize("score", [0.0, 1.0, 0.1, 1 / 3, math.nextafter(0.5, 1)])
def test_numbers_survive(score: float) -> None:
    parsed = json.loads(Hit(Record("x"), score, {"bm25": -score}).to_json())
    assert (parsed["score"], parsed["explain"]) == (score, {"bm25": -score})
