"""The first parts of a scope name a space: as much as one file holds."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from clock import Clock
from postgres_server import Server

import agentmem


@pytest.fixture
def store(server: Server) -> Iterator[agentmem.MemoryStore]:
    """An empty store, in which the first part of a scope names a space."""
    with agentmem.open(server.store(space_depth=1)) as store:
        yield store


def contents(hits: list[agentmem.Hit]) -> list[str]:
    return [hit.record.content for hit in hits]


def test_a_search_finds_the_records_of_its_space(store: agentmem.MemoryStore) -> None:
    for user in ("alice", "bob"):
        store.add(f"{user} drives a red car", scope=f"/{user}/notes")
    assert contents(store.search("car", scope="/alice")) == ["alice drives a red car"]
    assert contents(store.search("car", scope="/bob/notes")) == ["bob drives a red car"]
    assert store.search("car", scope="/carol") == []


def test_a_few_spaces_are_searched_together_and_many_are_refused(store: agentmem.MemoryStore) -> None:
    for user in range(8):
        store.add(f"car {user}", scope=f"/{user}")
    assert len(store.search("car", limit=20)) == 8
    assert len(store.search("car", limit=3, offset=6)) == 2
    store.add("car 8", scope="/8")
    with pytest.raises(agentmem.InvalidFilterError, match="inside one space: name its first part"):
        store.search("car")


def test_scores_are_those_of_a_store_of_the_space_alone(store: agentmem.MemoryStore) -> None:
    texts = ["red car", "blue car", "a car and a bike", "nothing of the kind"]
    with agentmem.open("alone.db") as alone:
        for text in texts:
            store.add(text, id=text, scope="/a")
            store.add("car " * 5, scope="/b")
            alone.add(text, id=text, scope="/a")
        for mode in ("hybrid", "bm25", "tfidf"):
            here = store.search("red car", scope="/a", mode=mode)
            there = alone.search("red car", scope="/a", mode=mode)
            assert [(hit.record.id, hit.score) for hit in here] == [
                (hit.record.id, hit.score) for hit in there
            ]


def test_reads_go_across_spaces(store: agentmem.MemoryStore) -> None:
    ids = [store.add(f"text {n}", scope=f"/{n % 3}/x", categories=[f"c{n % 2}"]) for n in range(6)]
    assert [record and record.id for record in store.get_many(ids)] == ids
    assert store.get(ids[4]).content == "text 4"  # type: ignore[union-attr]
    assert store.count() == 6
    assert store.count(scope="/1") == 2
    assert store.categories() == {"c0": 3, "c1": 3}
    assert [record.id for record in store.list(order="oldest")] == ids
    assert [record.id for record in store.list(limit=2, offset=1, order="oldest", where={})] == ids[1:3]
    assert store.scopes() == ["/0", "/1", "/2"]
    assert store.scope_info("/1").records == 2
    assert store.stats().records == 6


def test_an_order_by_version_needs_one_space(store: agentmem.MemoryStore) -> None:
    for n in range(4):
        store.add(str(n), scope=f"/{n % 2}")
    assert [record.content for record in store.list(order="written", scope="/1")] == ["1", "3"]
    assert [change.kind for change in store.changes(scope="/1").items] == ["write", "write"]
    for call in (lambda: store.list(order="written"), lambda: store.list(order="updated"), store.changes):
        with pytest.raises(agentmem.InvalidFilterError, match="inside one space"):
            call()


def test_records_are_changed_by_id_wherever_they_are(store: agentmem.MemoryStore) -> None:
    first, second = store.add("one", scope="/a"), store.add("two", scope="/b")
    assert store.update(second, importance=0.9).importance == 0.9
    assert store.supersede(first, "one again").content == "one again"
    assert [record.content for record in store.history(first)] == ["one", "one again"]
    assert store.touch([first, second]) == 2
    assert store.explain("two", second).hit
    assert store.delete(ids=[first, second]) == 2
    with pytest.raises(agentmem.RecordNotFoundError):
        store.update(first, importance=0.1)
    with pytest.raises(agentmem.InvalidRecordError, match="cannot move"):
        store.update(store.add("three", scope="/a"), scope="/b")


@pytest.fixture
def twins(store: agentmem.MemoryStore) -> agentmem.MemoryStore:
    """A store with two records of the id "same", in the spaces /a and /b."""
    for scope in ("/a", "/b"):
        store.add(f"the one in {scope}", id="same", scope=scope)
    return store


def test_an_id_may_be_used_once_in_each_space(twins: agentmem.MemoryStore) -> None:
    with pytest.raises(agentmem.DuplicateIdError):
        twins.add("again", id="same", scope="/a/deeper")
    calls = [
        twins.get,
        twins.history,
        twins.delete,
        twins.touch,
        lambda id: twins.get(id, at="2024-01-01"),
        lambda id: twins.get_many(["other", id]),
        lambda id: twins.delete(ids=[id], categories=["x"]),
        lambda id: twins.delete(id, if_version=1),
        lambda id: twins.update(id, importance=0.1),
        lambda id: twins.supersede(id, "new"),
        lambda id: twins.explain("one", id),
    ]
    for call in calls:
        with pytest.raises(agentmem.InvalidFilterError, match=r'several spaces have .* "same": /a, /b; name'):
            call("same")
    assert twins.count() == 2


def test_a_scope_tells_which_of_them_is_meant(twins: agentmem.MemoryStore) -> None:
    assert twins.get("same", scope="/b").content == "the one in /b"  # type: ignore[union-attr]
    assert twins.get("same", scope="/b/deeper") is None
    assert [found and found.scope for found in twins.get_many(["same"], scope="/a")] == ["/a"]
    assert twins.update("same", scope="/b", importance=0.9).content == "the one in /b"
    assert twins.supersede("same", "the new one in /b", scope="/b").importance == 0.9
    assert len(twins.history("same", scope="/b")) == 2
    assert len(twins.history("same", scope="/a")) == 1
    assert twins.explain("one", "same", scope="/b").hit
    assert twins.touch("same", scope="/a", ttl=60) == 1
    assert twins.get("same", scope="/b").expires_at is None  # type: ignore[union-attr]
    with twins.batch() as batch:
        batch.check("same", scope="/b", if_version=3)
        batch.delete("same", scope="/b")
    assert twins.get("same").scope == "/a"  # type: ignore[union-attr]


def test_a_batch_looks_ids_up_in_the_space_that_its_calls_tell(twins: agentmem.MemoryStore) -> None:
    def send(*scopes: str | None) -> None:
        with twins.batch() as batch:
            for scope in scopes:
                batch.touch("same", scope=scope)

    with pytest.raises(agentmem.InvalidFilterError, match="several spaces have"):
        send(None)
    with pytest.raises(agentmem.InvalidFilterError, match="one call writes in one space") as several:
        send("/a", None, "/b")
    assert several.value.at == 2  # type: ignore[attr-defined]
    send("/a", None)
    with twins.batch() as batch:
        batch.journal("b/log").append("changed")
        changed = batch.update("same", importance=0.1)
    assert changed.value.scope == "/b"
    with twins.batch() as batch:
        batch.check("same", if_version=1, scope="/a")
        batch.touch("same")
        batch.supersede("same", "newer")
    assert twins.get("same", scope="/a").content == "newer"  # type: ignore[union-attr]


def test_a_scope_above_several_spaces_narrows_the_search_for_an_id(server: Server) -> None:
    with agentmem.open(server.store(space_depth=2)) as store:
        for scope in ("/user/alice", "/team/red"):
            store.add(scope, id="same", scope=scope)
        other = store.add("other", scope="/user/bob")
        found = store.get_many(["same", other], scope="/user")
        assert [record and record.content for record in found] == ["/user/alice", "other"]
        assert store.touch(["same", other], scope="/user") == 2
        assert [record.content for record in store.history("same", scope="/team")] == ["/team/red"]
        assert store.delete(["same", other], scope="/user") == 2
        assert store.get("same").content == "/team/red"  # type: ignore[union-attr]


def test_a_batch_writes_in_one_space(store: agentmem.MemoryStore) -> None:
    with store.batch() as batch:
        batch.add("one", scope="/a/x")
        batch.journal("a/log").append("added one")
    assert store.journal("a/log").read()[0].value == "added one"
    batch = store.batch()
    batch.__enter__()
    batch.add("two", scope="/a")
    batch.add("three", scope="/b")
    with pytest.raises(agentmem.InvalidFilterError, match="one call writes in one space"):
        batch.__exit__(None, None, None)
    with pytest.raises(agentmem.InvalidFilterError, match="one call writes in one space"):
        store.add_many([{"content": "x", "scope": "/a"}, {"content": "y", "scope": "/b"}])
    assert store.count() == 1


def test_journals_belong_to_the_space_that_their_names_tell(store: agentmem.MemoryStore) -> None:
    store.journal("a/log").append(1)
    store.journal("b/log").append(2)
    assert store.journal("a/log").read()[0].number == store.journal("b/log").read()[0].number == 1
    assert store.journals() == ["a/log", "b/log"]
    assert store.journals("b/") == ["b/log"]
    assert store.stats().entries == 2


def test_deleting_goes_across_spaces(store: agentmem.MemoryStore) -> None:
    for n in range(6):
        store.add(f"car {n}", scope=f"/{n % 3}", categories=[f"c{n % 2}"])
        store.journal(f"{n % 3}/log").append(n)
    assert store.delete(categories=["c1"]) == 3
    assert store.reset("/0") == 1
    assert store.search("car", scope="/0") == []
    assert store.reset(journals=True) == 2
    assert (store.count(), store.journals()) == (0, [])


def test_what_expires_is_purged_in_all_spaces(store: agentmem.MemoryStore, clock: Clock) -> None:
    for user in ("a", "b"):
        store.add("here", scope=f"/{user}")
        store.add("gone", scope=f"/{user}", ttl=10)
    clock.move(10)
    assert store.count() == 2
    assert store.search("gone", scope="/a") == []
    assert store.purge("/a") == 1
    assert store.purge() == 1


def test_export_and_import_move_all_spaces(store: agentmem.MemoryStore, server: Server) -> None:
    for n in range(6):
        store.add(f"car {n}", id=str(n), scope=f"/{n % 3}")
        store.journal(f"{n % 3}/log").append(n)
    store.supersede("4", "car 4, repainted")
    whole = io.StringIO()
    assert store.export(whole, history=True, journals=True) == 12
    whole.seek(0)
    with agentmem.open(server.store(space_depth=1)) as other:
        assert other.import_(whole).written == 12
        assert [entry.value for entry in other.journal("1/log").read()] == [1, 4]
    records = io.StringIO()
    assert store.export(records, history=True) == 6
    for url in (server.store(space_depth=0), "moved.db"):
        records.seek(0)
        with agentmem.open(url) as other:
            assert other.import_(records).written == 6
            assert sorted(r.content for r in other.list()) == sorted(r.content for r in store.list())
            assert [record.content for record in other.history("4")] == ["car 4", "car 4, repainted"]
            assert other.verify().ok


def test_verify_and_rebuild_go_through_all_spaces(store: agentmem.MemoryStore, server: Server) -> None:
    for user in ("a", "b"):
        store.add(f"the car of {user}", id=user, scope=f"/{user}")
    assert store.verify().ok
    schema = store.path.rsplit("%3D", 1)[1]
    server.sql(f"UPDATE {schema}.agentmem_records SET content = 'other' WHERE id = 'b'")
    report = store.verify()
    assert not report.ok
    assert report.records == 2
    assert any('space "/b"' in problem and "checksum" in problem for problem in report.problems)
    with pytest.raises(agentmem.CorruptStoreError, match='record "b" does not fit its checksum'):
        store.get("b")
    store.delete(ids=["b"])
    store.rebuild()
    assert store.verify().ok


def test_deeper_spaces(server: Server) -> None:
    with agentmem.open(server.store(space_depth=2)) as store:
        store.add("red car", scope="/user/alice/notes")
        store.add("blue car", scope="/user/bob")
        store.add("green car", scope="/user")
        assert contents(store.search("car", scope="/user/alice")) == ["red car"]
        assert len(store.search("car", scope="/user")) == 3
        with pytest.raises(agentmem.InvalidFilterError, match="name its first 2 parts"):
            store.changes(scope="/user")


def test_partitions_change_nothing_that_is_seen(server: Server) -> None:
    with agentmem.open(server.store(space_depth=1, partitions=4)) as store:
        ids = [store.add(f"car {n}", scope=f"/{n}") for n in range(6)]
        assert [record and record.id for record in store.get_many(ids)] == ids
        assert contents(store.search("car", scope="/3")) == ["car 3"]
        assert store.update(ids[2], importance=1.0).importance == 1.0
        assert store.count() == 6
        assert store.verify().ok


def test_two_paths_with_one_number_never_share_a_space(server: Server) -> None:
    url = server.store(space_depth=1)
    with agentmem.open(url) as store:
        store.add("red car", scope="/a")
    schema = url.rsplit("%3D", 1)[1]
    server.sql(f"UPDATE {schema}.agentmem_spaces SET path = '/b'")  # as if "/b" had the number of "/a"
    with agentmem.open(url) as store:
        calls = [
            lambda: store.add("blue car", scope="/a"),
            lambda: store.update("id", content="blue car", scope="/a"),
            lambda: store.search("car", scope="/a"),
            lambda: store.list(scope="/a"),
        ]
        for call in calls:
            with pytest.raises(agentmem.InvalidRecordError, match='number of the space "/b"'):
                call()
        assert store.count() == 1


def test_a_scope_that_is_a_whole_space_finds_the_same_as_in_a_store_of_one_space(server: Server) -> None:
    one, many = (agentmem.open(server.store(space_depth=depth)) for depth in (0, 1))
    with one, many:
        for store in (one, many):
            for n in range(20):
                content = f"car {n} {'red' if n % 3 else 'blue'}"
                store.add(content, id=f"{n}", scope=f"/a/{n % 2}", private=n == 7, source="me")
        for scope in ("/a", "/a/0"):
            here, there = (store.search("red car", scope=scope, limit=20) for store in (one, many))
            assert len(here) == (19 if scope == "/a" else 10)
            assert [(hit.record.id, hit.score) for hit in here] == [
                (hit.record.id, hit.score) for hit in there
            ]


def test_what_another_analyzer_derived_is_derived_again(server: Server) -> None:
    url = server.store()
    with agentmem.open(url) as store:
        store.add("red cars", scope="/a")
    schema = url.rsplit("%3D", 1)[1]
    server.sql(f"UPDATE {schema}.agentmem_spaces SET analyzer = 0, terms = 0")
    with agentmem.open(url) as store:
        assert len(store.search("car", scope="/a")) == 1
        assert store.verify().ok
