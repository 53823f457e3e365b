"""What the methods of a store promise holds where users have spaces."""

from __future__ import annotations

import asyncio
import io
import json
import multiprocessing
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from clock import Clock
from postgres_server import Server

import agentmem
import agentmem.aio

USERS = ["/alice", "/bob", "/carol"]


@pytest.fixture
def spaced(server: Server) -> str:
    """An empty store, in which the first part of a scope names a space."""
    return server.store(space_depth=1)


@pytest.fixture
def store(spaced: str) -> Iterator[agentmem.MemoryStore]:
    with agentmem.open(spaced) as store:
        yield store


def embedding(texts: list[str]) -> list[list[float]]:
    """An embedder: how often a text has each of three letters."""
    return [[text.count(letter) + 0.01 for letter in "abc"] for text in texts]


# Reading across spaces


def test_pages_of_records_of_one_moment_miss_and_repeat_nothing(store: agentmem.MemoryStore) -> None:
    for user in USERS:
        store.add_many([{"content": str(n), "scope": user, "created_at": "2024-01-01"} for n in range(7)])
    for order in ("newest", "oldest"):
        pages = [store.list(limit=2, offset=offset, order=order) for offset in range(0, 22, 2)]
        assert len({record.id for page in pages for record in page}) == 21


def test_scopes_and_categories_are_those_of_all_spaces(store: agentmem.MemoryStore) -> None:
    for user in USERS:
        store.add("x", scope=f"{user}/notes", categories=["note", user[1:]])
        store.add("y", scope=f"{user}/notes/old", private=True, source=user)
    assert store.scopes() == USERS
    assert store.scopes("/bob") == ["/bob/notes"]
    assert store.scopes(recursive=True) == [f"{user}/notes" for user in USERS]
    assert store.scopes(recursive=True, source="/bob") == [
        "/alice/notes",
        "/bob/notes",
        "/bob/notes/old",
        "/carol/notes",
    ]
    first = store.scopes(recursive=True, include_private=True, limit=4)
    assert first + store.scopes(recursive=True, include_private=True, after=first[-1]) == store.scopes(
        recursive=True, include_private=True
    )
    assert store.categories() == {"note": 3, "alice": 1, "bob": 1, "carol": 1}
    assert store.scope_info("/").children == USERS
    assert store.scope_info("/carol").categories == {"carol": 1, "note": 1}


def test_filters_mean_the_same_in_all_spaces(store: agentmem.MemoryStore) -> None:
    for at, user in enumerate(USERS):
        store.add(
            user,
            id=user,
            scope=user,
            metadata={"n": at, "deep": {"name": user}},
            created_at=f"2024-0{at + 1}-01",
            source=user,
            private=at == 2,
        )

    def found(**filters: object) -> list[str]:
        ids = sorted(record.id for record in store.list(**filters))  # type: ignore[arg-type]
        assert store.count(**filters) == len(ids)  # type: ignore[arg-type]
        out = io.StringIO()
        assert store.export(out, **filters) == len(ids)  # type: ignore[arg-type]
        return ids

    assert found() == ["/alice", "/bob"]
    assert found(source="/carol") == USERS
    assert found(include_private=True, since="2024-02-01") == ["/bob", "/carol"]
    assert found(until="2024-02-01") == ["/alice"]
    assert found(where={"n": {"$gte": 1}}) == ["/bob"]
    assert found(where={"/deep/name": "/alice"}) == ["/alice"]
    assert found(ids=["/alice", "/carol", "none"]) == ["/alice"]
    assert found(ids=[]) == []


# Journals


def test_journals_are_listed_over_all_spaces(store: agentmem.MemoryStore, clock: Clock) -> None:
    names = ["alice/log", "alice/state", "bob/log", "sessions/1", "sessions/2", "sessions", "Zed", "é/1"]
    for name in names:
        store.journal(name).append(name)
    assert store.journals() == sorted(names)
    assert store.journals("sessions/") == ["sessions/1", "sessions/2"]
    assert store.journals("se", limit=2) == ["sessions", "sessions/1"]
    assert store.journals(after="bob/log") == sorted(names)[sorted(names).index("bob/log") + 1 :]
    assert store.journals(limit=0) == []
    store.journal("gone/1").append(1, ttl=5)
    clock.move(5)
    assert "gone/1" not in store.journals()
    assert store.stats().journals == len(names)
    assert store.purge() == 1


def test_batches_of_records_and_journals_are_all_or_nothing(store: agentmem.MemoryStore) -> None:
    old = store.add("old", id="old", scope="/alice/x")
    version = store.get(old).version  # type: ignore[union-attr]
    with store.batch() as batch:
        new = batch.put("new", id="new", scope="/alice/y", if_version=0)
        batch.update(old, importance=0.9, if_version=version)
        batch.check("none", if_version=0)
        number = batch.journal("alice/log").append({"made": new.id})
        batch.journal("alice/state").put("last", new.id, if_number=0)
    assert new.version == store.get("new").version  # type: ignore[union-attr]
    assert store.journal("alice/log").read()[0].number == number.value
    batch = store.batch()
    batch.__enter__()
    batch.delete("new", if_version=new.version)
    batch.journal("alice/log").append("never")
    batch.journal("alice/state").put("last", "never", if_number=0)
    with pytest.raises(agentmem.ConflictError) as conflict:
        batch.__exit__(None, None, None)
    assert (conflict.value.journal, conflict.value.key) == ("alice/state", "last")
    assert conflict.value.at == 2  # type: ignore[attr-defined]
    assert store.get("new") is not None
    assert len(store.journal("alice/log").read()) == 1


# Searching


@pytest.mark.parametrize("mode", ["hybrid", "bm25", "tfidf", "vector"])
def test_every_mode_searches_one_space_or_a_few(spaced: str, mode: str) -> None:
    with agentmem.open(spaced, embedder=embedding) as store:
        for user in USERS:
            store.add_many(
                [{"content": text, "scope": user} for text in ("a banana", "a cab", "an abacus", "nothing")]
            )
        store.add("a banana", scope="/alice", private=True, source="alice")
        alone = store.search("a banana", scope="/bob", mode=mode)
        assert alone[0].record.content == "a banana"
        assert {hit.record.scope for hit in alone} == {"/bob"}
        together = store.search("a banana", 20, mode=mode)
        assert {hit.record.scope for hit in together} == set(USERS)
        scores = [hit.score for hit in together]
        assert scores == sorted(scores, reverse=True)
        assert store.search("a banana", 3, offset=2, mode=mode) == together[2:5]
        assert store.search_many(["a banana", "a cab"], mode=mode) == [
            store.search(query, mode=mode) for query in ("a banana", "a cab")
        ]
        assert len(store.search("a banana", 20, scope="/alice", source="alice", mode=mode)) == 1 + len(
            store.search("a banana", 20, scope="/alice", mode=mode)
        )


def test_a_search_among_many_spaces_names_them_by_ids(store: agentmem.MemoryStore) -> None:
    ids = [store.add("red car", scope=f"/{n}") for n in range(12)]
    with pytest.raises(agentmem.InvalidFilterError, match="more than 8 spaces"):
        store.search("car")
    assert len(store.search("car", ids=ids[:8])) == 8
    assert store.search("car", scope="/nobody") == []
    with pytest.raises(agentmem.InvalidFilterError, match="more than 8 spaces"):
        store.search_many(["car"])


def test_what_is_written_is_explained(store: agentmem.MemoryStore) -> None:
    id = store.add("red car", scope="/alice")
    store.add("blue car", scope="/bob")
    hit = store.search("car", scope="/alice")[0]
    explanation = store.explain("car", id, scope="/alice")
    assert (explanation.hit, explanation.score) == (True, hit.score)
    assert store.explain("car", id, scope="/bob").excluded_by == "scope"
    with pytest.raises(agentmem.RecordNotFoundError):
        store.explain("car", "none")


# The life of a record


def test_what_has_expired_is_gone_in_every_space(store: agentmem.MemoryStore, clock: Clock) -> None:
    for user in USERS:
        store.add("here today", id=user, scope=user, ttl=10)
        store.supersede(user, "here still", ttl=10)
    clock.move(10)
    for user in USERS:
        assert store.get(user) is None
        assert store.get(user, at=clock.now) is None
        assert store.history(user) == []
        assert store.touch(user, ttl=100) == 0
        assert store.delete(user) == 0
        with pytest.raises(agentmem.RecordNotFoundError):
            store.update(user, importance=1.0)
        assert store.search("here", scope=user) == []
    assert (store.count(), store.list(), store.scopes()) == (0, [], [])
    store.add("again", id="/bob", scope="/carol")
    assert store.get("/bob").scope == "/carol"  # type: ignore[union-attr]
    with agentmem.open(store.path, read_only=True) as reader, pytest.raises(agentmem.StoreReadOnlyError):
        reader.purge()


def test_changes_of_a_space_are_those_of_a_file_that_holds_it(store: agentmem.MemoryStore) -> None:
    def seen(store: agentmem.MemoryStore) -> list[tuple[str, int, str | None]]:
        cursor, found = start[store], []
        while items := (page := store.changes(cursor, limit=2, scope="/alice")).items:
            assert page.complete
            found += [(change.kind, change.version, change.id) for change in items]
            cursor = page.cursor
        assert cursor == store.changes(scope="/alice", limit=0).cursor
        return found

    with agentmem.open("alone.db") as alone:
        start = {each: each.changes(scope="/alice", limit=0).cursor for each in (store, alone)}
        for each in (store, alone):
            for n in range(5):
                each.add(str(n), id=str(n), scope="/alice")
                store.add("noise", scope="/bob")
            each.delete("2")
            each.supersede("3", "three")
            each.touch("4")
        assert seen(store) == seen(alone) != []


def test_duplicates_are_found_in_a_space(store: agentmem.MemoryStore) -> None:
    for user in ("/alice", "/bob"):
        for id in ("one", "two"):
            store.add("the same text", id=f"{user}{id}", scope=user)
    assert [[record.id for record in group] for group in store.duplicates(scope="/bob")] == [
        ["/bobone", "/bobtwo"]
    ]
    assert agentmem.text_id("x") == agentmem.text_id("x")
    assert store.add("again", id="/bobone", scope="/bob", on_conflict="skip") == "/bobone"
    assert store.get("/bobone").content == "the same text"  # type: ignore[union-attr]


# Vectors


def test_each_space_remembers_its_embedder(spaced: str) -> None:
    class Named:
        name, dimension = "letters", 3

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embedding(texts)

        def embed_query(self, text: str) -> list[float]:
            return embedding([text])[0]

    class Other(Named):
        name = "others"

    with agentmem.open(spaced) as store:
        for user in USERS:
            store.add("abc", scope=user)
    with agentmem.open(spaced, embedder=Named()) as store:
        assert store.embed_missing(scope="/alice") == 1
        assert store.embed_missing(scope="/alice") == 0
        with pytest.raises(agentmem.InvalidFilterError, match="inside one space"):
            store.embed_missing()
        assert store.search("abc", mode="vector", scope="/alice")
    with agentmem.open(spaced, embedder=Other()) as store:
        assert store.embed_missing(scope="/bob") == 1
        for call in (
            lambda: store.search("abc", scope="/alice"),
            lambda: store.add("x", scope="/alice"),
            store.search("abc", scope="/bob") and (lambda: store.search("abc")),
        ):
            with pytest.raises(agentmem.EmbedderMismatchError):
                call()
        with pytest.raises(agentmem.DimensionMismatchError):
            store.add("x", scope="/bob", embedding=[1.0, 2.0])


# Moving


def test_a_store_with_one_id_in_several_spaces_moves(store: agentmem.MemoryStore, server: Server) -> None:
    for user in USERS:
        store.add(user, id="profile", scope=user)
        store.supersede("profile", f"{user} again", scope=user)
        store.journal(f"{user[1:]}/log").append(user)
    lines = io.StringIO()
    assert store.export(lines, history=True, journals=True) == 6
    with agentmem.open(server.store(space_depth=1)) as other:
        other.add("in the way of nobody", id="profile", scope="/dave")
        lines.seek(0)
        assert other.import_(lines).written == 6
        assert [record.content for record in other.history("profile", scope="/bob")] == ["/bob", "/bob again"]
        lines.seek(0)
        with pytest.raises(agentmem.DuplicateIdError):
            other.import_(lines)
        lines.seek(0)
        again = other.import_(lines, on_conflict="skip")
        assert (again.written, again.skipped) == (0, 6)
        assert other.journal("bob/log").read() == store.journal("bob/log").read()


def test_an_import_that_has_an_error_changes_nothing(store: agentmem.MemoryStore) -> None:
    store.add("x", scope="/alice", embedding=[1.0, 2.0])
    bad = [
        ({"content": "y", "scope": "/alice", "embedding": [1.0, 2.0, 3.0]}, agentmem.DimensionMismatchError),
        ({"content": ""} | {"importance": 7}, agentmem.InvalidRecordError),
    ]
    for line, error in bad:
        lines = io.StringIO(
            "\n".join(json.dumps(each) for each in [{"content": "first", "scope": "/a"}, line])
        )
        with pytest.raises(error):
            store.import_(lines)
    assert store.count() == 1
    fits = io.StringIO(json.dumps({"content": "z", "scope": "/bob", "embedding": [1.0, 2.0, 3.0]}))
    assert store.import_(fits).written == 1


def test_progress_goes_up_to_the_whole(store: agentmem.MemoryStore) -> None:
    for user in USERS:
        store.add_many([{"content": str(n), "scope": user} for n in range(1500)])
    seen: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        seen.append((done, total))

    for call in (store.verify, store.rebuild, lambda progress: store.export(io.StringIO(), progress)):
        seen.clear()
        call(note)  # type: ignore[operator]
        assert seen == sorted(seen)
        assert seen[-1] == (4500, 4500)


def test_stats_are_those_of_all_spaces(store: agentmem.MemoryStore) -> None:
    for user in USERS:
        store.add("three words here", scope=user)
        store.journal(f"{user}/log").extend([1, 2])
    stats = store.stats()
    assert (stats.records, stats.terms, stats.journals, stats.entries) == (3, 9, 3, 6)
    assert stats.disk_bytes > 0
    assert stats.path == store.path


def test_stats_are_those_of_one_space(store: agentmem.MemoryStore) -> None:
    for count, user in enumerate(USERS):
        store.add_many([{"content": "three words here", "scope": user}] * count)
        store.journal(f"{user}/log").append(1)
    stats = store.stats(scope="/carol/notes")
    assert (stats.records, stats.terms, stats.journals, stats.entries) == (2, 6, 1, 1)
    assert store.stats(scope="/nobody").records == 0
    with pytest.raises(agentmem.InvalidFilterError, match="inside one space"):
        store.stats(scope="/")


# Handles, threads, processes


def test_a_read_only_store_refuses_every_write(store: agentmem.MemoryStore) -> None:
    id = store.add("x", scope="/alice")
    with agentmem.open(store.path, read_only=True, embedder=embedding) as reader:
        writes = [
            lambda: reader.add("y", scope="/bob"),
            lambda: reader.put("y", id=id, scope="/alice"),
            lambda: reader.add_many([]),
            lambda: reader.update(id, importance=0.1),
            lambda: reader.supersede(id, "z"),
            lambda: reader.delete(id),
            lambda: reader.delete(scope="/nobody"),
            lambda: reader.touch(id),
            lambda: reader.purge(),
            lambda: reader.reset(),
            lambda: reader.rebuild(),
            lambda: reader.embed_missing(scope="/alice"),
            lambda: reader.import_(io.StringIO("{}")),
            lambda: reader.journal("alice/log").append(1),
            lambda: reader.journal("alice/log").pop(),
            lambda: reader.journal("alice/log").clear(),
        ]
        for write in writes:
            with pytest.raises(agentmem.StoreReadOnlyError):
                write()
        assert reader.get(id) == store.get(id)
        assert reader.verify().ok


def test_a_closed_store_refuses_every_call(spaced: str) -> None:
    store = agentmem.open(spaced)
    journal = store.journal("alice/log")
    store.add("x", scope="/alice")
    store.close()
    store.close()
    calls = [
        lambda: store.add("x"),
        lambda: store.get("x"),
        lambda: store.get("x", scope="/alice"),
        lambda: store.search("x", scope="/alice"),
        store.list,
        store.count,
        store.journals,
        store.stats,
        store.verify,
        store.purge,
        lambda: store.changes(scope="/alice"),
        lambda: journal.append(1),
        journal.read,
    ]
    for call in calls:
        with pytest.raises(agentmem.StoreClosedError):
            call()


def test_threads_write_in_their_own_spaces(store: agentmem.MemoryStore) -> None:
    def work(thread: int) -> None:
        for n in range(10):
            store.add(f"text {n}", id=f"{thread}-{n}", scope=f"/{thread}")
            assert store.get(f"{thread}-{n}", scope=f"/{thread}") is not None
            assert len(store.search("text", 100, scope=f"/{thread}")) == n + 1
            store.journal(f"{thread}/log").append(n)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert store.count() == 80
    assert store.stats().entries == 80


def test_coroutines_go_across_spaces(spaced: str) -> None:
    async def main() -> None:
        async with agentmem.aio.open(spaced) as store:
            await asyncio.gather(*(store.add(user, id=user, scope=user) for user in USERS))
            assert await store.count() == 3
            async with store.batch() as batch:
                batch.update("/bob", importance=0.9)
                batch.journal("bob/log").append("changed")
            assert [entry.value for entry in await store.journal("bob/log").read()] == ["changed"]
            assert await store.delete(USERS) == 3

    asyncio.run(main())


def test_a_forked_child_and_its_parent_go_on(store: agentmem.MemoryStore) -> None:
    store.add("before", id="before", scope="/alice")
    child = os.fork()
    if child == 0:
        try:
            store.add("of the child", id="child", scope="/bob")
            found = store.search("before", scope="/alice")
            os._exit(0 if len(found) == 1 else 1)
        except BaseException:
            os._exit(2)
    store.add("of the parent", id="parent", scope="/alice")
    assert os.waitpid(child, 0)[1] == 0
    assert [record and record.id for record in store.get_many(["child", "parent"])] == ["child", "parent"]


def test_a_store_is_pickled_to_other_processes(store: agentmem.MemoryStore) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        calls = [(store, [{"content": "x", "scope": user}]) for user in 3 * USERS]
        added = pool.starmap(agentmem.MemoryStore.add_many, calls)
    assert store.count(ids=[id for ids in added for id in ids]) == 9
    with pickle.loads(pickle.dumps(store)) as other:
        assert other.count() == 9
        assert other.path == store.path
