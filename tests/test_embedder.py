from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import agentmem
from agentmem import MemoryStore

TEXTS: list[str] = []


def letters(texts: list[str]) -> list[list[float]]:
    TEXTS.extend(texts)
    return [[float(text.count(letter)) + 0.1 for letter in "abc"] for text in texts]


@pytest.fixture(autouse=True)
def fresh() -> None:
    TEXTS.clear()


def test_embeds_what_is_written_and_asked(path: Path) -> None:
    with agentmem.open(path, embedder=letters) as store:
        store.add("aaa", id="a")
        store.add_many(["bbb", {"content": "ccc", "id": "c"}])
        store.put("aab", id="a")
        assert TEXTS == ["aaa", "bbb", "ccc", "aab"]
        assert store.get("a").embedding == pytest.approx((2.1, 1.1, 0.1))  # type: ignore[union-attr]
        TEXTS.clear()
        assert store.search("cc", mode="vector")[0].record.id == "c"
        store.search("cc", mode="hybrid")
        store.search_many(["cc", "a"])
        assert TEXTS == ["cc", "cc", "cc", "a"]
        TEXTS.clear()
        store.search("cc", mode="bm25")
        store.search("cc", mode="vector", vector=[1.0, 0.0, 0.0])
        assert TEXTS == []


def test_vectors_that_are_given_are_kept(path: Path) -> None:
    with agentmem.open(path, embedder=letters) as store:
        ids = store.add_many([{"content": "abc", "embedding": [1.0, 2.0, 3.0]}, "abc"])
        assert [record.embedding for record in store.get_many(ids) if record] == [
            (1.0, 2.0, 3.0),
            pytest.approx((1.1, 1.1, 1.1)),
        ]
        assert TEXTS == ["abc"]


def test_updates(path: Path) -> None:
    with agentmem.open(path, embedder=letters) as store:
        id = store.add("aaa")
        assert store.update(id, importance=1.0).embedding == pytest.approx((3.1, 0.1, 0.1))
        assert store.update(id, content="bbb").embedding == pytest.approx((0.1, 3.1, 0.1))
        assert store.update(id, content="ccc", embedding=None).embedding is None
        assert TEXTS == ["aaa", "bbb"]


def test_an_embedder_that_fails_changes_nothing(path: Path) -> None:
    def broken(texts: list[str]) -> list[list[float]]:
        raise ConnectionError("no network")

    with agentmem.open(path, embedder=broken) as store:
        with pytest.raises(ConnectionError, match="no network"):
            store.add("x")
        assert store.count() == 0
    with agentmem.open(path, embedder=lambda texts: [[1.0]]) as store:
        with pytest.raises(agentmem.InvalidRecordError, match="1 vectors for 2 texts"):
            store.add_many(["a", "b"])
        assert store.count() == 0


def test_arrays(path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    with agentmem.open(path, embedder=lambda texts: numpy.eye(len(texts), 4, dtype="float32")) as store:
        store.add_many(["a", "b"])
        assert store.search("anything", mode="vector")[0].record.content == "a"


def test_the_limit_does_not_change_what_is_best(store: MemoryStore) -> None:
    random = Random(7)
    words = ["lamp", "river", "stone", "cloud", "paper", "glass", "wheel", "garden"]
    notes = [" ".join(random.choices(words, k=random.randrange(2, 9))) for _ in range(400)]
    vectors = [[random.gauss(0, 1) for _ in range(4)] for _ in notes]
    records = [{"content": note, "embedding": vector} for note, vector in zip(notes, vectors, strict=True)]
    store.add_many(records)
    for query, vector in zip(notes[:20], reversed(vectors), strict=False):
        whole = store.search(query, 150, vector=vector)
        for limit in (1, 10, 100):
            assert store.search(query, limit, vector=vector) == whole[:limit]
