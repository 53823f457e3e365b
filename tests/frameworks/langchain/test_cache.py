"""AgentMemCache beyond the official suite: real models, expiry, and answers that it cannot keep."""

import time

import pytest
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk

import agentmem
from agentmem.langchain import AgentMemCache

GENERATIONS = [
    Generation(text="a\0\ud800", generation_info={"n": None, "x": 0.1}),
    GenerationChunk(text="b"),
    ChatGeneration(message=AIMessage("c", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}])),
    ChatGenerationChunk(message=AIMessageChunk("d")),
]


def test_models_answer_from_the_cache(store):
    for model, text in ((FakeListLLM, str), (FakeListChatModel, lambda message: message.text)):
        first = model(responses=["one", "two"], cache=AgentMemCache(store))
        assert [text(first.invoke("Hi")), text(first.invoke("Hi")), text(first.invoke("Bye"))] == [
            "one",
            "one",
            "two",
        ]


def test_answers_come_back_equal_in_another_process_too(path):
    cache = AgentMemCache(path)
    cache.update("p", "model", GENERATIONS)
    cache.close()
    again = AgentMemCache(path)
    found = again.lookup("p", "model")
    assert found == GENERATIONS
    assert [type(generation) for generation in found] == [type(generation) for generation in GENERATIONS]
    again.close()


@pytest.mark.parametrize("prompt", ["", "a/b", "\0", "\ud800", "x" * 100_000])
def test_any_prompt_and_model_is_a_key(store, prompt):
    cache = AgentMemCache(store)
    cache.update(prompt, "model", GENERATIONS[:1])
    assert cache.lookup(prompt, "model") == GENERATIONS[:1]
    assert cache.lookup(prompt + "m", "odel") is None
    assert cache.lookup(prompt, "other") is None


def test_answers_expire(store):
    cache = AgentMemCache(store, ttl=0.2)
    cache.update("p", "model", GENERATIONS)
    assert cache.lookup("p", "model") == GENERATIONS
    time.sleep(0.25)
    assert cache.lookup("p", "model") is None


def test_an_answer_that_would_not_come_back_equal_is_not_kept(store, caplog):
    class Own(Generation):
        pass

    cache = AgentMemCache(store)
    for info in ({"o": object()}, {"t": (1, 2)}, {"b": b"x"}):
        cache.update("p", "model", [Generation(text="x", generation_info=info)])
    cache.update("p", "model", [Own(text="x")])
    assert cache.lookup("p", "model") is None
    assert caplog.text.count("cannot be kept") == 4


def test_an_answer_that_cannot_be_read_counts_as_none(store, caplog):
    cache = AgentMemCache(store)
    cache.update("p", "model", GENERATIONS)
    journal = store.journal("langchain/llm-cache")
    journal.put(journal.keys()[0], [{"class": "Newer", "fields": {}}])
    assert cache.lookup("p", "model") is None
    assert "cannot be read" in caplog.text


def test_clearing_leaves_other_journals(store):
    store.journal("mine").append(1)
    AgentMemCache(store).clear()
    assert store.journals() == ["mine"]


def test_a_closed_store_says_so(store):
    cache = AgentMemCache(store)
    store.close()
    with pytest.raises(agentmem.StoreClosedError):
        cache.lookup("p", "model")
