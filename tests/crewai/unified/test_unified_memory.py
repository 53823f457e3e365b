"""CrewAI's own `Memory` on `UnifiedStorage` and `LocalEmbedder`: what it promises its users."""

import threading
from datetime import datetime, timedelta, timezone

import pytest
from crewai.memory.unified_memory import Memory
from scripted import ScriptedLLM

from agentmem.crewai import LocalEmbedder, UnifiedStorage

FIELDS = {"categories": ["c"], "importance": 0.5}


@pytest.fixture
def llm():
    return ScriptedLLM(model="scripted")


@pytest.fixture
def memory(path, llm):
    return Memory(storage=UnifiedStorage(path), embedder=LocalEmbedder(), llm=llm)


def said(matches):
    return [match.record.content for match in matches]


def test_what_was_remembered_is_recalled_best_first(memory):
    for text in ("The database runs on port 5432", "Alice prefers email", "Lunch is at noon"):
        memory.remember(text, scope="/facts", **FIELDS)
    for depth in ("shallow", "deep"):
        matches = memory.recall("Which port does the database run on?", depth=depth)
        assert said(matches)[0] == "The database runs on port 5432"
        assert matches[0].score > 0.5


def test_an_obvious_match_needs_no_further_exploration(memory, llm):
    memory.remember("The database runs on port 5432", scope="/facts", **FIELDS)
    memory.recall("database port 5432")
    assert llm.prompts == []


def test_a_batch_is_deduplicated_but_not_robbed(memory):
    memory.remember_many(
        [
            "The port is 5432.",
            "the port is 5432",
            "The port is 5433",
            "Alice manages Bob",
            "Bob manages Alice",
        ],
        scope="/facts",
        **FIELDS,
    )
    memory.drain_writes()
    assert sorted(r.content for r in memory.list_records()) == sorted(
        ["The port is 5432.", "The port is 5433", "Alice manages Bob", "Bob manages Alice"]
    )


def test_only_what_says_the_same_is_given_to_consolidation(memory, llm):
    memory.remember("The user likes green tea", scope="/facts", **FIELDS)
    memory.remember(
        "Green tea is grown on the slopes of Mount Fuji, where the user has never been",
        scope="/facts",
        **FIELDS,
    )
    memory.remember("What does the user like?", scope="/facts", **FIELDS)
    assert "ConsolidationPlan" not in llm.asked
    memory.remember("The user likes green tea!", scope="/facts", **FIELDS)
    assert "ConsolidationPlan" in llm.asked


def test_consolidation_updates_and_deletes(path, llm, monkeypatch):
    memory = Memory(storage=UnifiedStorage(path), embedder=LocalEmbedder(), llm=llm)
    first = memory.remember("The user likes green tea", scope="/f", source="me", private=True, **FIELDS)

    def plan(model, text, action="update"):
        return model(
            actions=[
                {"action": action, "record_id": first.id, "new_content": "The user likes green tea a lot"}
            ],
            insert_new=False,
        )

    monkeypatch.setattr(ScriptedLLM, "analysis", lambda self, model, text: plan(model, text))
    memory.remember("The user likes the green tea", scope="/f", **FIELDS)
    (record,) = memory.list_records()
    assert (record.id, record.content) == (first.id, "The user likes green tea a lot")
    assert (record.source, record.private) == ("me", True)
    assert said(memory.recall("who likes a lot of tea", source="me"))
    monkeypatch.setattr(ScriptedLLM, "analysis", lambda self, model, text: plan(model, text, "delete"))
    memory.remember("The user likes green tea a lot.", scope="/f", **FIELDS)
    assert memory.list_records() == []


def test_private_memories_are_recalled_by_their_source_alone(memory):
    for number in range(25):
        memory.remember(
            f"The code of vault {number} is secret", scope="/v", source="bob", private=True, **FIELDS
        )
    memory.remember("The code of conduct hangs in the vault", scope="/v", **FIELDS)
    for depth in ("shallow", "deep"):
        question = {"query": "vault code", "depth": depth, "limit": 5}
        assert said(memory.recall(**question)) == ["The code of conduct hangs in the vault"]
        assert said(memory.recall(**question, source="alice")) == ["The code of conduct hangs in the vault"]
        assert len(memory.recall(**question, source="bob")) >= 5
        assert len(memory.recall(**question, include_private=True)) >= 5


def test_recall_touches_what_it_found(memory):
    record = memory.remember("The database runs on port 5432", scope="/facts", **FIELDS)
    before = memory._storage.get_record(record.id).last_accessed
    memory.recall("database port")
    assert memory._storage.get_record(record.id).last_accessed > before


def test_the_scope_of_a_memory_is_not_left(path, llm):
    storage = UnifiedStorage(path)
    a = Memory(storage=storage, embedder=LocalEmbedder(), llm=llm, root_scope="/crew/a")
    b = Memory(storage=storage, embedder=LocalEmbedder(), llm=llm, root_scope="/crew/ab")
    a.remember("The secret word is falcon", scope="/x", **FIELDS)
    b.remember("The secret word is heron", scope="/x", **FIELDS)
    assert said(a.recall("secret word")) == ["The secret word is falcon"]
    assert [r.content for r in b.list_records()] == ["The secret word is heron"]
    assert a.list_scopes() == ["/crew/a/x"]
    assert a.info().record_count == 1
    assert a.forget() == 1
    assert storage.count() == 1
    b.reset()
    assert storage.count() == 0


def test_views_of_a_memory(memory):
    for scope in ("/team/red", "/team/blue", "/teammate"):
        memory.remember(f"The colour of {scope[1:]} matters", scope=scope, **FIELDS)
    scoped = memory.scope("/team")
    assert len(scoped.recall("colour matters")) == 2
    assert scoped.list_scopes() == ["/team/blue", "/team/red"]
    sliced = memory.slice(["/team/red", "/teammate"])
    assert len(sliced.recall("colour matters")) == 2
    assert sliced.info("/").record_count == 2
    assert "/team (2 records)" in memory.tree()


def test_updates_and_forgetting(memory):
    record = memory.remember("The port is 5432", scope="/facts", **FIELDS)
    memory.update(record.id, content="The port is 6000", importance=0.9)
    assert said(memory.recall("port 6000")) == ["The port is 6000"]
    assert memory._storage.get_record(record.id).importance == 0.9
    with pytest.raises(ValueError, match="not found"):
        memory.update("unknown", content="x")
    assert memory.forget(record_ids=[]) == 0
    assert memory.forget(scope="/facts", older_than=datetime(2000, 1, 1)) == 0
    assert memory.forget(scope="/facts", categories=["c"]) == 1


def test_imported_dates_with_a_zone_do_not_break_recall(memory):
    memory._storage.store.add(
        "The database runs on port 5432",
        scope="/facts",
        created_at=datetime.now(timezone(timedelta(hours=9))),
    )
    assert said(memory.recall("database port"))


def test_a_read_only_memory_recalls(path, llm, memory):
    memory.remember("The database runs on port 5432", scope="/facts", **FIELDS)
    reader = Memory(storage=UnifiedStorage(path), embedder=LocalEmbedder(), llm=llm, read_only=True)
    assert reader.remember("x") is None
    assert said(reader.recall("database port"))


def test_a_closed_memory_saves_and_recalls_later(memory):
    memory.remember("The database runs on port 5432", scope="/facts", **FIELDS)
    memory.close()
    memory.remember("The cache runs on port 6379", scope="/facts", **FIELDS)
    assert said(memory.recall("cache port"))[0] == "The cache runs on port 6379"


def test_many_threads_remember_and_recall(memory):
    errors = []

    def work(number):
        try:
            memory.remember(f"Sensor {number} reads {number * 7}", scope=f"/s/{number}", **FIELDS)
            memory.recall(f"sensor {number}")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert memory._storage.count() == 6


def test_another_embedder_on_the_same_store_is_told_apart(path, llm, memory):
    memory.remember("The database runs on port 5432", scope="/facts", **FIELDS)
    other = Memory(storage=UnifiedStorage(path), embedder=lambda texts: [[1.0, 2.0] for _ in texts], llm=llm)
    with pytest.raises(ValueError, match="dimension"):
        other.remember("The cache runs on port 6379", scope="/facts", **FIELDS)


def test_local_embedder_takes_over_a_store_of_another_embedder(path, llm):
    other = Memory(storage=UnifiedStorage(path), embedder=lambda texts: [[1.0, 2.0] for _ in texts], llm=llm)
    other.remember("The database runs on port 5432", scope="/facts", **FIELDS)
    memory = Memory(storage=UnifiedStorage(path), embedder=LocalEmbedder(), llm=llm)
    memory.remember("The cache runs on port 6379", scope="/facts", **FIELDS)
    assert said(memory.recall("Which port does the database run on?"))[0] == "The database runs on port 5432"
    assert said(memory.recall("Which port does the cache run on?"))[0] == "The cache runs on port 6379"
