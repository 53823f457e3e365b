"""Records without words: kept, listed and filtered, but never searched and not counted in statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import agentmem
from agentmem import MemoryStore, Record

BLANK = ["", " ", " \n\t", "\u3000", "\u2003"]


@pytest.mark.parametrize("content", BLANK, ids=ascii)
def test_blank_content_comes_back_as_it_was(store: MemoryStore, content: str) -> None:
    writes: list[Any] = [
        lambda: store.add(content, id="a", metadata={"k": 1}, categories=["c"], scope="/s"),
        lambda: store.put(content, id="a", metadata={"k": 1}, categories=["c"], scope="/s"),
        lambda: store.update("a", content=content),
        lambda: store.supersede("a", content),
    ]
    for write in writes:
        write()
        record = store.get("a")
        assert record is not None
        assert record.content == content
        assert store.list(where={"k": 1}, scope="/s", categories=["c"]) == [record]
        assert store.count() == 1
        assert store.categories() == {"c": 1}
        assert Record.from_json(record.to_json()) == record
    store.add_many([content, {"content": content}, Record(content)])
    assert store.count() == 4
    assert store.verify()


def test_text_search_never_returns_it(store: MemoryStore) -> None:
    store.add_many([*BLANK, "words"])
    for mode in ("hybrid", "bm25", "tfidf"):
        for query in ("words", "", " ", "the"):
            hits = store.search(query, 100, mode=mode)  # type: ignore[arg-type]
            assert {hit.record.content for hit in hits} <= {"words"}
    store.update(store.search("words")[0].record.id, content="")
    assert store.search("words") == []
    assert store.verify()


def test_a_dialogue_leaves_it_out(store: MemoryStore) -> None:
    """Of the turns beside a hit only those with words are found."""
    store.add_many(["Hello.", "Where do you live?", ""])
    found = {hit.record.content for hit in store.search("where do you live", dialogue=True)}
    assert found == {"Hello.", "Where do you live?"}


def test_a_vector_of_it_is_found(store: MemoryStore) -> None:
    """Vector search is no text search: whoever gave it a vector wants it found."""
    store.add("", id="a", embedding=[1.0, 2.0])
    assert [hit.record.id for hit in store.search("", mode="vector", vector=[1.0, 2.0])] == ["a"]


def test_it_changes_no_score(path: Path, tmp_path: Path) -> None:
    """Neither the number of records nor their mean length."""
    with agentmem.open(path) as with_blanks, agentmem.open(tmp_path / "other.db") as without:
        for store in (with_blanks, without):
            store.add_many(f"note {n} apple" + " pie" * n for n in range(10))
        with_blanks.add_many(BLANK * 20)
        for mode in ("hybrid", "bm25", "tfidf"):
            scores = [
                [(hit.record.content, hit.score) for hit in store.search("apple pie", mode=mode)]  # type: ignore[arg-type]
                for store in (with_blanks, without)
            ]
            assert scores[0] == scores[1]


def test_no_embedder_is_asked(path: Path) -> None:
    asked: list[str] = []

    def embed(texts: list[str]) -> list[list[float]]:
        asked.extend(texts)
        return [[1.0] for _ in texts]

    with agentmem.open(path, embedder=embed) as store:
        store.add_many(["", "words", " "])
        store.add("", id="a")
        store.update("a", content=" \n")
        assert asked == ["words"]
        assert [record.embedding for record in store.list(order="written")] == [None, (1.0,), None, None]


def test_a_text_that_becomes_blank_loses_the_embedders_vector(path: Path) -> None:
    """The old vector is that of another text."""
    with agentmem.open(path, embedder=lambda texts: [[1.0] for _ in texts]) as store:
        store.add("words", id="a")
        assert store.update("a", content="").embedding is None


def test_there_and_back(store: MemoryStore, tmp_path: Path) -> None:
    store.add_many(BLANK)
    store.export("out.jsonl")
    with agentmem.open(tmp_path / "other.db") as other:
        assert other.import_("out.jsonl").written == len(BLANK)
        assert other.list() == store.list()
        other.rebuild()
        assert other.verify()


@pytest.mark.parametrize("content", ["\0", "a\0", "\ud800", None, 5])
def test_what_is_still_no_content(store: MemoryStore, content: Any) -> None:
    with pytest.raises(agentmem.InvalidRecordError, match=r"content|NUL|surrogate"):
        store.add(content)
    assert store.count() == 0
