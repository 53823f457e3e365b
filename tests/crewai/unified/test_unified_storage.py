"""`UnifiedStorage`, called as CrewAI calls it: the protocol, and where the default storage is wrong."""

import asyncio
import copy
import logging
import math
import pickle
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone

import pytest
from crewai.memory.storage.backend import EmbeddingDimensionMismatchError, StorageBackend
from crewai.memory.types import MemoryRecord

import agentmem
from agentmem.crewai import LocalEmbedder, ShortTermStorage, UnifiedStorage, with_text

X, Y, XY = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]


def memory(content="something", embedding=None, **fields):
    return MemoryRecord(content=content, embedding=embedding, **fields)


def contents(results):
    return [(r[0] if isinstance(r, tuple) else r).content for r in results]


@pytest.fixture
def storage(path):
    return UnifiedStorage(path)


@pytest.fixture
def tree(storage):
    """Scopes that a prefix of characters would confuse."""
    storage.save(
        [memory(scope, X, scope=scope) for scope in ("/", "/a", "/a/b", "/ab", "/a-b", "/A", "/%", "/_")]
    )
    return storage


def test_it_is_a_storage_backend_and_a_plain_class(storage):
    assert isinstance(storage, StorageBackend)
    assert bool(storage)
    assert not hasattr(UnifiedStorage, "__len__")
    assert not hasattr(UnifiedStorage, "model_dump")
    assert copy.deepcopy(storage) is storage


def test_a_record_comes_back_as_it_was(storage):
    created = datetime(2024, 5, 6, 7, 8, 9, 123456)
    record = memory(
        "Alice prefers email",
        [0.5, 0.25, 0.125],
        scope="/user/alice",
        categories=["contact", "preference"],
        metadata={"entities": ["Alice"], "deep": {"a": [1, None, 2.5]}},
        importance=0.75,
        created_at=created,
        last_accessed=created,
        source="user:1",
        private=True,
    )
    storage.save([record])
    found = storage.get_record(record.id)
    assert found == record
    assert found.embedding == record.embedding
    assert storage.get_record("nobody") is None


def test_saving_nothing_and_empty_memories(storage, caplog):
    storage.save([])
    storage.save([memory(""), memory(" \n"), memory("kept")])
    assert contents(storage.list_records()) == ["kept"]
    assert "2 empty memories" in caplog.text


# Scopes


def test_a_scope_holds_itself_and_what_is_below_and_nothing_else(tree):
    assert sorted(contents(tree.search(X, scope_prefix="/a", limit=99))) == ["/a", "/a/b"]
    assert sorted(contents(tree.list_records("/a"))) == ["/a", "/a/b"]
    assert tree.count("/a") == 2
    assert tree.get_scope_info("/a").record_count == 2
    assert tree.count("/%") == tree.count("/_") == 1
    assert tree.count() == tree.count("/") == tree.count("") == 8


@pytest.mark.parametrize("spelling", ["a", "/a", "/a/", "a/", "//a", " /a "])
def test_every_spelling_of_a_scope_means_the_same(spelling, tree):
    assert tree.count(spelling) == 2
    assert len(tree.search(X, scope_prefix=spelling, limit=99)) == 2
    assert tree.get_scope_info(spelling).path == "/a"
    tree.reset(spelling)
    assert tree.count() == 6


def test_deleting_a_scope_deletes_nothing_else(tree):
    assert tree.delete(scope_prefix="/a") == 2
    assert sorted(contents(tree.list_records())) == sorted(["/", "/ab", "/a-b", "/A", "/%", "/_"])


def test_children_of_a_scope(tree):
    assert tree.list_scopes("/a") == ["/a/b"]
    assert set(tree.list_scopes()) == {"/a", "/ab", "/a-b", "/A", "/%", "/_"}
    assert tree.get_scope_info("/").child_scopes == tree.list_scopes("/")
    assert tree.list_scopes("/nowhere") == []


def test_information_about_a_scope(storage):
    early, late = datetime(2020, 1, 1), datetime(2021, 1, 1)
    storage.save(
        [
            memory("1", scope="/x", categories=["b", "a"], created_at=late),
            memory("2", scope="/x/y", categories=["c"], created_at=early, private=True),
        ]
    )
    info = storage.get_scope_info("/x")
    assert (info.record_count, info.oldest_record, info.newest_record) == (2, early, late)
    assert (info.categories, info.child_scopes) == (["a", "b", "c"], ["/x/y"])
    nothing = storage.get_scope_info("/nowhere")
    assert (nothing.record_count, nothing.oldest_record, nothing.categories) == (0, None, [])


def test_scopes_that_an_llm_made_up(storage):
    storage.save([memory("1", scope="/a/../b/./c//d/"), memory("2", scope=""), memory("3", scope="no slash")])
    assert storage.list_scopes() == ["/a", "/no slash"]
    assert storage.count("/a/b/c/d") == 1


# Deletes


def test_an_empty_list_of_ids_deletes_nothing(tree):
    assert tree.delete(record_ids=[]) == 0
    assert tree.delete(record_ids=[], scope_prefix="/a") == 0
    assert tree.count() == 8


def test_no_filter_at_all_is_refused(tree):
    with pytest.raises(agentmem.InvalidFilterError):
        tree.delete()
    assert tree.count() == 8


def test_all_filters_of_a_delete_must_hold(storage):
    old, new = datetime(2020, 1, 1), datetime(2024, 1, 1)
    records = [
        memory(
            f"{when.year} {scope} {category} {kind}",
            scope=scope,
            categories=[category],
            metadata={"kind": kind},
            created_at=when,
        )
        for when in (old, new)
        for scope in ("/a", "/b")
        for category in ("x", "y")
        for kind in (1, 2)
    ]
    storage.save(records)
    ids = [record.id for record in records]
    cut = datetime(2022, 1, 1)
    assert storage.delete(record_ids=ids, categories=["z"]) == 0
    assert storage.delete(record_ids=ids[:1], categories=["y"]) == 0
    assert (
        storage.delete(scope_prefix="/a", categories=["x"], metadata_filter={"kind": 1}, older_than=cut) == 1
    )
    assert storage.get_record(ids[0]) is None
    assert storage.delete(scope_prefix="/b", older_than=cut) == 4
    assert storage.count("/a") == 7
    assert storage.delete(record_ids=ids[:2]) == 1
    assert storage.delete(categories=["y"], record_ids=ids) == 6
    assert storage.delete(older_than=new) == 0
    assert storage.delete(older_than=datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0
    assert storage.delete(older_than=new + timedelta(microseconds=1)) == 4


# Search by vector


def test_the_nearest_come_first_with_crewais_own_score(storage):
    storage.save([memory("x", X), memory("y", Y), memory("xy", XY), memory("none")])
    results = storage.search(X, limit=10)
    assert contents(results) == ["x", "xy", "y"]
    cosines = [1.0, math.sqrt(0.5), 0.0]
    assert [score for _, score in results] == pytest.approx([1 / (3 - 2 * c) for c in cosines], abs=1e-6)
    assert contents(storage.search(X, min_score=0.5)) == ["x", "xy"]
    assert contents(storage.search([5.0, 0.0, 0.0], limit=1)) == ["x"]
    assert results[0][0].embedding == X
    assert storage.search(X, limit=0) == []


def test_filters_are_applied_before_the_limit(storage):
    storage.save([memory(f"near {n}", X, categories=["common"], metadata={"n": n}) for n in range(60)])
    storage.save([memory("far", Y, categories=["rare"], metadata={"k": "v", "zero": 0}, scope="/s")])
    for filters in (
        {"categories": ["rare", "unknown"]},
        {"metadata_filter": {"k": "v"}},
        {"metadata_filter": {"k": "v", "zero": 0, "missing": None}},
        {"scope_prefix": "/s"},
        {"categories": ["rare"], "metadata_filter": {"k": "v"}, "scope_prefix": "/s"},
    ):
        assert contents(storage.search(X, limit=1, **filters)) == ["far"]
    assert storage.search(X, metadata_filter={"k": "w"}) == []
    assert len(storage.search(X, categories=[], metadata_filter={}, limit=100)) == 61


def test_private_memories_of_others_do_not_crowd_out_public_ones(storage):
    storage.save([memory(f"secret {n}", X, source="bob", private=True) for n in range(30)])
    storage.save([memory("public", Y)])
    results = storage.search(X, limit=10)
    assert "public" in contents(results)
    assert sum(record.private for record, _ in results) == 10
    scores = [score for _, score in results]
    assert scores == sorted(scores, reverse=True)


def test_a_wrong_dimension_is_crewais_own_error(storage, caplog):
    storage.save([memory("no vector"), memory("x", X)])
    wrong = [1.0] * 5
    with caplog.at_level(logging.ERROR, "agentmem"):
        for call in (
            lambda: storage.save([memory("bad", wrong)]),
            lambda: storage.save([memory("good", X), memory("bad", wrong)]),
            lambda: storage.update(memory("bad", wrong)),
            lambda: storage.search(wrong),
        ):
            with pytest.raises(EmbeddingDimensionMismatchError) as raised:
                call()
            assert (raised.value.stored_dim, raised.value.new_dim) == (3, 5)
    assert storage.count() == 2
    assert "UnifiedStorage.search" in caplog.text


@pytest.mark.parametrize("write", ["save", "update"])
def test_replacing_the_only_vector_keeps_its_dimension(storage, write):
    only = memory("x", X)
    storage.save([only])
    wrong = only.model_copy(update={"embedding": [1.0] * 5})
    with pytest.raises(EmbeddingDimensionMismatchError) as raised:
        storage.update(wrong) if write == "update" else storage.save([wrong])
    assert (raised.value.stored_dim, raised.value.new_dim) == (3, 5)
    assert storage.get_record(only.id).embedding == X


def test_a_first_record_without_a_vector_fixes_no_dimension(storage):
    storage.save([memory("none")])
    storage.save([memory("x", X)])
    assert contents(storage.search(X)) == ["x"]


# Updates


def test_an_update_replaces_the_record(storage):
    record = memory("old", X, scope="/a", source="me", private=True)
    storage.save([record])
    storage.update(
        record.model_copy(
            update={
                "content": "new",
                "embedding": Y,
                "scope": "/b",
                "categories": ["c"],
                "metadata": {"k": 1},
                "importance": 0.9,
            }
        )
    )
    found = storage.get_record(record.id)
    assert (found.content, found.embedding, found.scope, found.categories) == ("new", Y, "/b", ["c"])
    assert (found.metadata, found.importance, found.created_at) == ({"k": 1}, 0.9, record.created_at)
    assert storage.count() == 1


def test_an_update_that_is_refused_loses_nothing(storage):
    record = memory("old", X)
    storage.save([record])
    with pytest.raises(ValueError):  # noqa: PT011 - whichever error it is
        storage.update(record.model_copy(update={"embedding": [math.nan] * 3}))
    assert storage.get_record(record.id).content == "old"


def test_consolidation_does_not_make_a_private_memory_public(storage):
    record = memory("my salary is 100", X, source="me", private=True)
    storage.save([record])
    storage.update(MemoryRecord(id=record.id, content="my salary is 120", embedding=X))
    found = storage.get_record(record.id)
    assert (found.content, found.source, found.private) == ("my salary is 120", "me", True)
    storage.update(found.model_copy(update={"private": False}))
    assert not storage.get_record(record.id).private


def test_an_update_of_a_record_that_is_gone_keeps_what_it_says(storage):
    storage.update(memory("new", X, id="gone"))
    assert storage.get_record("gone").content == "new"


def test_one_id_is_stored_once(storage):
    storage.save([memory("first", X, id="same")])
    storage.save([memory("second", Y, id="same"), memory("other", Y)])
    assert storage.count() == 2
    assert storage.get_record("same").content == "second"


def test_touched_records_were_accessed_now(storage):
    old = datetime(2020, 1, 1)
    record, other = (
        memory("a", created_at=old, last_accessed=old),
        memory("b", created_at=old, last_accessed=old),
    )
    storage.save([record, other])
    storage.touch_records([record.id, "unknown"])
    storage.touch_records([])
    assert datetime.now(timezone.utc).replace(tzinfo=None) - storage.get_record(
        record.id
    ).last_accessed < timedelta(minutes=1)
    assert storage.get_record(other.id).last_accessed == old
    assert storage.get_record(record.id).created_at == old


# Dates, lists, counts


def test_dates_come_back_naive_in_utc(storage):
    aware = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    storage.save([memory("aware", X, created_at=aware, last_accessed=aware), memory("naive", X)])
    dates = {record.content: record.created_at for record in storage.list_records()}
    assert dates["aware"] == datetime(2024, 1, 1, 6, 30)
    assert dates["naive"].tzinfo is None
    info = storage.get_scope_info("/")
    assert info.oldest_record == datetime(2024, 1, 1, 6, 30)
    assert info.newest_record.tzinfo is None


def test_records_are_listed_newest_first_in_pages(storage):
    storage.save([memory(str(n), created_at=datetime(2020, 1, 1 + n)) for n in range(9)])
    assert contents(storage.list_records(limit=3)) == ["8", "7", "6"]
    assert contents(storage.list_records(limit=3, offset=7)) == ["1", "0"]
    assert storage.list_records(limit=0) == storage.list_records(offset=-1) == []


def test_categories_are_counted(storage):
    storage.save(
        [
            memory("1", categories=["a", "b"], scope="/x"),
            memory("2", categories=["a", ""], scope="/x", private=True),
            memory("3", categories=["c"], scope="/xy"),
        ]
    )
    assert storage.list_categories("/x") == {"a": 2, "b": 1}
    assert storage.list_categories() == {"a": 2, "b": 1, "c": 1}


def test_there_is_no_cap(storage):
    for start in range(0, 60_000, 5000):
        storage.store.add_many(
            [
                {"content": f"note {n}", "scope": "/many", "categories": ["c"], "metadata": {"n": n}}
                for n in range(start, start + 5000)
            ]
        )
    assert storage.count("/many") == storage.get_scope_info("/many").record_count == 60_000
    assert storage.list_categories("/many") == {"c": 60_000}
    assert storage.delete(metadata_filter={"n": 59_999}) == 1
    assert storage.delete(scope_prefix="/many", categories=["c"]) == 59_999


# Confined to a scope


def test_a_confined_storage_touches_nothing_outside(path):
    everything = UnifiedStorage(path)
    everything.save([memory("a", X, scope="/crew/a", id="a"), memory("b", X, scope="/crew/b", id="b")])
    storage = UnifiedStorage(path, scope="/crew/a")
    assert contents(storage.search(X)) == contents(storage.search(X, scope_prefix="/")) == ["a"]
    assert storage.search(X, scope_prefix="/crew/b") == []
    assert contents(storage.list_records()) == ["a"]
    assert (storage.count(), storage.count("/crew"), storage.count("/crew/b")) == (1, 1, 0)
    assert storage.get_record("b") is None
    assert storage.list_scopes("/") == ["/crew"]
    assert storage.list_scopes("/crew") == ["/crew/a"]
    assert storage.list_scopes("/crew/b") == []
    assert storage.get_scope_info("/crew/b").record_count == 0
    assert storage.delete(record_ids=["a", "b"]) == 1
    storage.save([memory("inside", X, scope="/crew/a/x"), memory("outside", X, scope="/elsewhere")])
    assert sorted(record.scope for record in storage.list_records()) == ["/crew/a/elsewhere", "/crew/a/x"]
    storage.reset()
    assert contents(everything.list_records()) == ["b"]


# Other threads, processes, the event loop


def test_what_another_process_writes_updates_and_deletes_is_seen(path, storage):
    def elsewhere(code):
        program = (
            "from agentmem.crewai import UnifiedStorage\n"
            "from crewai.memory.types import MemoryRecord\n"
            f"storage = UnifiedStorage({path!r})\n{code}"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

    storage.save([memory("mine", X, id="1")])
    elsewhere("storage.save([MemoryRecord(id='2', content='theirs', embedding=[1.0, 0.0, 0.0])])")
    assert sorted(contents(storage.search(X))) == ["mine", "theirs"]
    elsewhere(
        "storage.update(MemoryRecord(id='1', content='changed', embedding=[1.0, 0.0, 0.0]))\n"
        "storage.delete(record_ids=['2'])"
    )
    assert contents(storage.search(X)) == ["changed"]


def test_threads_save_and_search_at_once(storage):
    errors = []

    def work(number):
        try:
            for step in range(10):
                storage.save([memory(f"{number} {step}", X, scope=f"/{number}")])
                storage.search(X, scope_prefix=f"/{number}", limit=5)
                storage.touch_records([storage.list_records(f"/{number}", limit=1)[0].id])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert storage.count() == 80


def test_async_forms_do_the_same(storage):
    async def run():
        await storage.asave([memory("x", X, categories=["c"]), memory("y", Y)])
        found = await storage.asearch(X, limit=1)
        deleted = await storage.adelete(categories=["c"])
        return contents(found), deleted

    assert asyncio.run(run()) == (["x"], 1)
    assert storage.count() == 1


def test_every_failure_is_logged_and_none_is_a_runtime_error(path, caplog):
    store = agentmem.open(path)
    storage = UnifiedStorage(store)
    store.close()
    calls = {
        "save": lambda: storage.save([memory()]),
        "search": lambda: storage.search(X),
        "update": lambda: storage.update(memory()),
        "delete": lambda: storage.delete(record_ids=["x"]),
        "reset": storage.reset,
        "get_record": lambda: storage.get_record("x"),
        "list_records": storage.list_records,
        "list_scopes": storage.list_scopes,
        "list_categories": storage.list_categories,
        "get_scope_info": lambda: storage.get_scope_info("/"),
        "count": storage.count,
        "touch_records": lambda: storage.touch_records(["x"]),
    }
    for name, call in calls.items():
        caplog.clear()
        with caplog.at_level(logging.ERROR, "agentmem"), pytest.raises(agentmem.AgentMemError) as raised:
            call()
        assert not isinstance(raised.value, RuntimeError)
        assert f"UnifiedStorage.{name} failed" in caplog.text


def test_closed_and_used_again(storage):
    storage.save([memory("x", X)])
    storage.close()
    storage.close()
    assert contents(storage.search(X)) == ["x"]


# Queries whose text is known


def test_a_query_of_local_embedder_is_answered_by_text_search(storage):
    embed = LocalEmbedder()
    texts = [
        "The quarterly report is due on Friday",
        "Alice prefers to be contacted by email",
        "The database runs on port 5432",
    ]
    storage.save([memory(text, vector) for text, vector in zip(texts, embed(texts), strict=True)])
    (question,) = embed(["How does Alice want to be contacted?"])
    results = storage.search(question)
    assert results[0][0].content == texts[1]
    assert 0.4 <= results[0][1] < 0.85
    assert all(score < 0.25 for _, score in results[1:])
    (same,) = embed(["alice prefers to be contacted by EMAIL!"])
    assert storage.search(same)[0][1] >= 0.98
    (unrelated,) = embed(["Penguins huddle through polar winters"])
    assert all(score < 0.2 for _, score in storage.search(unrelated))
    assert contents(storage.search(question, min_score=0.4)) == [texts[1]]
    assert storage.search(question, scope_prefix="/elsewhere") == []


def test_a_text_is_found_though_it_was_saved_without_or_with_another_embedders_vector(storage):
    storage.save([memory("Alice prefers email", X), memory("Bob prefers the phone")])
    (question,) = LocalEmbedder()(["Who prefers the phone?"])
    assert contents(storage.search(question))[0] == "Bob prefers the phone"
    storage.save([memory("Carol prefers letters", LocalEmbedder()(["Carol prefers letters"])[0])])
    (question,) = LocalEmbedder()(["Who prefers letters?"])
    assert contents(storage.search(question))[0] == "Carol prefers letters"


def test_a_vector_of_local_embedder_made_elsewhere_is_searched_as_a_vector(storage):
    embed = LocalEmbedder()
    storage.save([memory(text, embed.vector(text)) for text in ("red apples grow", "blue whales swim")])
    results = storage.search(embed.vector("red apples"))
    assert contents(results) == ["red apples grow", "blue whales swim"]


def test_any_embedder_with_text_is_searched_by_both(storage):
    vectors = {"car": X, "The automobile is red": XY, "Bananas are yellow": Y, "red": Y}
    embed = with_text(lambda texts: [vectors[text] for text in texts])
    for text in ("The automobile is red", "Bananas are yellow"):
        storage.save([memory(text, embed([text])[0])])
    assert contents(storage.search(embed(["car"])[0]))[0] == "The automobile is red"
    assert contents(storage.search(embed(["red"])[0]))[0] in ("The automobile is red", "Bananas are yellow")
    assert storage.search(embed(["Bananas are yellow"])[0])[0][1] >= 0.98


def test_a_crew_that_moves_up_a_generation_keeps_its_memories(path):
    with pytest.warns(UserWarning, match="crew_memory"):
        legacy = ShortTermStorage(path, "research")
    legacy.save("Final Answer: The reactor is cooled with sodium", {"observation": "cooling"})
    storage = UnifiedStorage(path, scope="/crew/research")
    (question,) = LocalEmbedder()(["How is the reactor cooled?"])
    ((found, _),) = storage.search(question)
    assert found.content == "The reactor is cooled with sodium"
    assert found.metadata == {"observation": "cooling"}
    assert storage.list_scopes("/crew/research") == ["/crew/research/short_term"]


def test_early_versions_hold_a_lock_around_their_writes(storage):
    with storage.write_lock, storage.write_lock:
        storage.save([memory("x", X)])


def test_it_pickles(path, storage):
    storage.save([memory("x", X)])
    assert contents(pickle.loads(pickle.dumps(storage)).search(X)) == ["x"]


def test_an_update_by_local_embedder_of_a_store_of_another_embedder(storage):
    storage.save([memory("old", X, id="1")])
    storage.update(memory("new words", LocalEmbedder()(["new words"])[0], id="1"))
    assert storage.get_record("1").content == "new words"
