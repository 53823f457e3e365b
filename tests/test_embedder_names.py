"""Embedders with names, texts that cannot be embedded, and vectors that come later."""

from __future__ import annotations

import asyncio
import copy
import math
import pickle
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import agentmem
import agentmem.aio
from agentmem import MemoryStore
from agentmem.types import Vector

WORDS = ["red", "green", "blue"]


class Colours:
    """Knows three colours. A text without any has no vector."""

    def __init__(self, name: str = "colours") -> None:
        self.name = name
        self.dimension = len(WORDS)
        self.documents: list[str] = []
        self.queries: list[str] = []

    def embed_documents(self, texts: list[str]) -> Iterable[Vector | None]:
        self.documents += texts
        return [self.vector(text) for text in texts]

    def embed_query(self, text: str) -> Vector | None:
        self.queries.append(text)
        return self.vector(text)

    def vector(self, text: str) -> Vector | None:
        found = [float(text.count(word)) for word in WORDS]
        return found if any(found) else None


def contents(hits: list[agentmem.Hit]) -> list[str]:
    return [hit.record.content for hit in hits]


def vectors(store: MemoryStore) -> dict[str, tuple[float, ...] | None]:
    return {record.content: record.embedding for record in store.list(None, include_private=True)}


def test_documents_and_queries_are_embedded_apart(path: Path) -> None:
    embedder = Colours()
    with agentmem.open(path, embedder=embedder) as store:
        store.add_many(["red car", "blue car"])
        assert contents(store.search("blue", 1, mode="vector")) == ["blue car"]
        assert [len(hits) for hits in store.search_many(["red", "blue"])] == [2, 2]
        store.explain("red", store.list()[0].id)
    assert embedder.documents == ["red car", "blue car"]
    assert embedder.queries == ["blue", "red", "blue", "red"]


def test_of_a_task_description_the_question_is_embedded(path: Path) -> None:
    embedder = Colours()
    task = "Answer in one sentence. Which car did Ann buy, the red one? Do not make anything up."
    with agentmem.open(path, embedder=embedder) as store:
        store.search(task)
        store.search("Find the red car. Ann bought it.")
        store.search("Summarize the text. Is the output valid JSON?")
    assert embedder.queries == [
        "Which car did Ann buy, the red one?",
        "Find the red car. Ann bought it.",
        "Summarize the text. Is the output valid JSON?",
    ]


def test_a_text_that_cannot_be_embedded_has_no_vector(path: Path) -> None:
    with agentmem.open(path, embedder=Colours()) as store:
        store.add_many(["red car", "old car"])
        assert vectors(store) == {"red car": (1.0, 0.0, 0.0), "old car": None}
        id = store.add("blue")
        assert store.update(id, content="none of them").embedding is None
        assert contents(store.search("old", mode="hybrid"))[0] == "old car"
        assert store.search("old", mode="vector") == []
        assert store.search_many(["old", "red"], 1, mode="vector")[0] == []
        assert contents(store.search_many(["old", "red"], 1, mode="vector")[1]) == ["red car"]
        assert store.explain("old", id, mode="vector").reason == "The query has no embedding."


def test_a_function_may_return_none_too(path: Path) -> None:
    with agentmem.open(path, embedder=lambda texts: [None for _ in texts]) as store:
        store.add("old car")
        assert vectors(store) == {"old car": None}
        assert contents(store.search("car")) == ["old car"]


def test_a_store_refuses_the_vectors_of_another_embedder(path: Path) -> None:
    with agentmem.open(path, embedder=Colours("old")) as store:
        store.add_many(["red car", "green car"])
    with agentmem.open(path, embedder=Colours("new")) as store:
        for refused in (
            lambda: store.add("blue car"),
            lambda: store.add_many(["old car", "blue car"]),
            lambda: store.update(store.list()[0].id, content="blue car"),
            lambda: store.search("red"),
            lambda: store.search("red", mode="vector"),
            lambda: store.search_many(["red"]),
            lambda: store.explain("red", store.list()[0].id),
        ):
            with pytest.raises(agentmem.EmbedderMismatchError, match=r'"new".*"old"') as raised:
                refused()
            assert (raised.value.expected, raised.value.found) == ("old", "new")
        assert vectors(store) == {"red car": (1.0, 0.0, 0.0), "green car": (0.0, 1.0, 0.0)}
        store.add("text without colour")
        assert len(store.search("car", mode="bm25")) == 2
        assert len(store.search("nothing that it knows")) == 0
        with pytest.raises(agentmem.EmbedderMismatchError), store.batch() as batch:
            batch.add("blue")
        assert store.count() == 3


def test_vectors_that_are_given_have_no_name(path: Path) -> None:
    with agentmem.open(path, embedder=Colours("old")) as store:
        store.add("red car")
    with agentmem.open(path, embedder=Colours("new")) as store:
        store.add("blue car", embedding=[0.0, 0.0, 1.0])
        assert contents(store.search("car", 1, vector=[0.0, 0.0, 1.0])) == ["blue car"]
        with pytest.raises(agentmem.DimensionMismatchError):
            store.add("x", embedding=[1.0])
    with agentmem.open(path, embedder=lambda texts: [[1.0, 1.0, 1.0] for _ in texts]) as store:
        store.add("white car")
        assert len(store.search("car")) == 3


def test_an_empty_store_takes_any_embedder(path: Path) -> None:
    with agentmem.open(path, embedder=Colours("old")) as store:
        store.add("red car", id="a")
    with agentmem.open(path, embedder=Colours("new")) as store:
        store.put("blue car", id="a")
        assert vectors(store) == {"blue car": (0.0, 0.0, 1.0)}
        store.delete("a")
    with agentmem.open(path, embedder=Colours("old")) as store:
        assert store.search("red") == []
        store.add("red car")
        assert len(store.search("red")) == 1


def test_the_first_embedder_with_a_name_names_the_vectors(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("red car", embedding=[1.0, 0.0, 0.0])
    with agentmem.open(path, embedder=Colours("old")) as store:
        assert len(store.search("red")) == 1
        store.add("blue car")
    with agentmem.open(path, embedder=Colours("new")) as store, pytest.raises(agentmem.EmbedderMismatchError):
        store.search("red")


def test_the_error_keeps_both_names(path: Path) -> None:
    error = agentmem.EmbedderMismatchError("message", "old", "new")
    for same in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (same.expected, same.found, str(same)) == ("old", "new", "message")
    assert issubclass(agentmem.EmbedderMismatchError, ValueError)


class Broken(Colours):
    """Returns for every text what it was made with."""

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.made = made

    def embed_documents(self, texts: list[str]) -> Any:
        return [self.made for _ in texts]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ([1.0, 2.0], "'colours' returned a vector of 2 dimensions, not 3"),
        ([1.0, math.nan, 0.0], "every number must be finite"),
        ([1.0, math.inf, 0.0], "every number must be finite"),
        (["a", "b", "c"], "must be a number"),
        ("abc", "must be a list of numbers"),
    ],
)
def test_a_vector_that_is_none_changes_nothing(path: Path, made: Any, says: str) -> None:
    with agentmem.open(path, embedder=Broken(made)) as store:
        store.add("kept", embedding=[1.0, 0.0, 0.0])
        with pytest.raises(agentmem.InvalidRecordError, match=says):
            store.add("red")
        assert store.count() == 1
    with agentmem.open(path) as store:
        store.add("red")
    with agentmem.open(path, embedder=Broken(made)) as store:
        with pytest.raises(agentmem.InvalidRecordError, match=says):
            store.embed_missing()
        assert vectors(store)["red"] is None


def test_an_embedder_that_changes_is_noticed(path: Path) -> None:
    embedder = Colours()
    with agentmem.open(path, embedder=embedder) as store:
        store.add("red car")
        embedder.name = "another"
        with pytest.raises(agentmem.EmbedderMismatchError):
            store.add("blue car")
        embedder.name, embedder.dimension = "colours", 4
        with pytest.raises(agentmem.InvalidRecordError, match="of 3 dimensions, not 4"):
            store.search("red")
        embedder.name = ""
        with pytest.raises(TypeError, match="must be text, not ''"):
            store.add("blue car")


@pytest.mark.file
@pytest.mark.parametrize("embedder", [5, object(), [Colours()]])
def test_what_is_no_embedder(path: Path, embedder: Any) -> None:
    with pytest.raises(TypeError, match="must be a function, or have name, dimension"):
        agentmem.open(path, embedder=embedder)
    assert not path.exists()


def test_an_unknown_name(path: Path) -> None:
    with pytest.raises(ValueError, match='the only embedder with a name is "minilm"'):
        agentmem.open(path, embedder="maxilm")


@pytest.mark.parametrize("index", ["memory", "disk"])
def test_embed_missing(path: Path, index: Any) -> None:
    with agentmem.open(path) as store:
        ids = store.add_many([f"{WORDS[n % 3]} car {n}" for n in range(150)])
        store.add_many(["", "no colour"])
        store.add("private red", source="ann", private=True)
        before = [record.to_dict() for record in store.list(None, order="written", include_private=True)]
        cursor = store.changes(limit=0).cursor
    told: list[tuple[int, int]] = []
    with agentmem.open(path, index=index, embedder=Colours()) as store:
        store.search("red")
        assert store.embed_missing(10) == 10
        assert store.embed_missing(0) == 0
        assert store.embed_missing(progress=lambda done, total: told.append((done, total))) == 141
        assert told[-1] == (143, 143)
        assert store.embed_missing() == 0
        assert store.get(ids[2]).embedding == (0.0, 0.0, 1.0)  # type: ignore[union-attr]
        assert vectors(store)["no colour"] is None
        hits = store.search("blue", 50, mode="vector")
        assert {hit.record.content.split()[0] for hit in hits} == {"blue"}
        after = [record.to_dict() for record in store.list(None, order="written", include_private=True)]
        assert [{**one, "embedding": None} for one in after] == before
        assert [record.version for record in store.list(None, order="written")] == [
            one["version"] for one in before if not one["private"]
        ]
        assert store.changes(cursor).items == []
        assert store.verify()
        store.delete(ids[2])
        assert ids[2] not in [hit.record.id for hit in store.search("blue", 100, mode="vector")]
        assert store.rebuild() == 152
        assert store.verify()
    with agentmem.open(path, index=index, embedder=Colours()) as store:
        assert len(store.search("red", 100, mode="vector", include_private=True)) == 100
        assert store.verify()


def test_late_vectors_are_found_after_the_store_is_opened_again(path: Path) -> None:
    with agentmem.open(path, durability="normal") as store:
        store.add_many([f"{WORDS[n % 3]} car {n}" for n in range(33_000)])
    for limit in (100, 50):
        with agentmem.open(path, embedder=Colours()) as store:
            assert store.embed_missing(limit) == limit
            assert store.verify()
    with agentmem.open(path) as store:
        assert len(store.search("", 1000, mode="vector", vector=[1.0, 0.0, 0.0])) == 150
        store.delete([hit.record.id for hit in store.search("", 5, mode="vector", vector=[1.0, 0.0, 0.0])])
        assert len(store.search("", 1000, mode="vector", vector=[1.0, 0.0, 0.0])) == 145
        assert store.verify()


def test_embed_missing_needs_an_embedder(store: MemoryStore) -> None:
    with pytest.raises(agentmem.InvalidFilterError, match="needs an embedder"):
        store.embed_missing()


@pytest.mark.parametrize("limit", [-1, 1.5, "5", True])
def test_embed_missing_takes_a_count(path: Path, limit: Any) -> None:
    with (
        agentmem.open(path, embedder=Colours()) as store,
        pytest.raises(agentmem.InvalidFilterError, match="limit must be a whole number"),
    ):
        store.embed_missing(limit)


def test_embed_missing_of_another_embedder_is_refused(path: Path) -> None:
    with agentmem.open(path, embedder=Colours("old")) as store:
        store.add("red car")
    with agentmem.open(path) as store:
        store.add("blue car")
    with agentmem.open(path, embedder=Colours("new")) as store:
        with pytest.raises(agentmem.EmbedderMismatchError):
            store.embed_missing()
        assert vectors(store)["blue car"] is None


def test_what_stops_embed_missing_leaves_what_is_done(path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with agentmem.open(path) as store:
        store.add_many([f"red car {n}" for n in range(200)])
    with agentmem.open(path, embedder=Colours()) as store:
        with pytest.raises(KeyboardInterrupt):
            store.embed_missing(progress=stop)
        done = sum(vector is not None for vector in vectors(store).values())
        assert 0 < done < 200
        assert store.embed_missing() == 200 - done
        assert store.verify()


def test_records_that_change_meanwhile_keep_what_they_have(path: Path) -> None:
    class Meddling(Colours):
        def embed_documents(self, texts: list[str]) -> Iterable[Vector | None]:
            if not self.documents:
                with agentmem.open(path) as other:
                    other.delete("gone")
                    other.update("changed", content="blue car")
                    other.update("embedded", embedding=[0.0, 2.0, 0.0])
            return super().embed_documents(texts)

    with agentmem.open(path) as store:
        for id in ("gone", "changed", "embedded", "same"):
            store.add("red car", id=id)
    with agentmem.open(path, embedder=Meddling()) as store:
        assert store.embed_missing() == 2
        assert {record.id: record.embedding for record in store.list()} == {
            "changed": (0.0, 0.0, 1.0),
            "embedded": (0.0, 2.0, 0.0),
            "same": (1.0, 0.0, 0.0),
        }
        assert store.verify()


ADD_VECTORS = """
import sys
sys.path.insert(0, sys.argv[2])
import agentmem
from test_embedder_names import Colours
with agentmem.open(sys.argv[1], embedder=Colours()) as store:
    print(store.embed_missing())
"""


def test_two_processes_share_the_work(path: Path) -> None:
    with agentmem.open(path, durability="normal") as store:
        store.add_many([f"{WORDS[n % 3]} car {n}" for n in range(2_000)])
        command = [sys.executable, "-c", ADD_VECTORS, str(path), str(Path(__file__).parent)]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
        counts = [int(process.communicate(timeout=120)[0]) for process in running]
        assert sum(counts) == 2_000
        # This process had the index before the vectors came.
        assert len(store.search("", 5_000, mode="vector", vector=[1.0, 0.0, 0.0])) == 2_000
        assert store.verify()


def test_coroutines(path: Path) -> None:
    async def main() -> None:
        async with agentmem.aio.open(path) as store:
            await store.add("red car")
        async with agentmem.aio.open(path, embedder=Colours()) as store:
            assert await store.embed_missing() == 1
            assert contents(await store.search("red", mode="vector")) == ["red car"]

    asyncio.run(main())


def test_the_command(path: Path, tmp_path: Path) -> None:
    with agentmem.open(path) as store:
        store.add_many(["red car", "old car"])
    (tmp_path / "colours.py").write_text(
        "def embed(texts):\n    return [[1.0, 0.0] if 'red' in text else None for text in texts]\n"
    )

    def run(*arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "agentmem", "embed", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout, done.stderr

    given = ("--path", str(path), "--embedder")
    assert run(*given, "colours:embed") == (0, "added vectors to 1 record\n", "")
    assert run(*given, "colours:embed", "--json") == (0, '{"embedded": 0}\n', "")
    assert run(*given, "colours:nothing")[0] == 1
    assert run(*given, "maxilm")[2].startswith("Error: embedder is 'maxilm'")
    assert "no store at" in run("--path", "missing.db")[2]


def test_pickled_stores_keep_the_embedder(path: Path) -> None:
    with agentmem.open(path, embedder=Colours()) as store:
        store.add("red car")
        with pickle.loads(pickle.dumps(store)) as other:
            other.add("blue car")
            assert vectors(other)["blue car"] == (0.0, 0.0, 1.0)
