"""The storages of the legacy generation, called as CrewAI calls them."""

import asyncio
import copy
import logging
import threading
import time
from decimal import Decimal

import pytest
from pydantic import BaseModel

import agentmem
from agentmem.crewai import EntityStorage, ExternalStorage, LongTermStorage, ShortTermStorage

OUTPUTS = [ShortTermStorage, EntityStorage, ExternalStorage]
KINDS = [*OUTPUTS, LongTermStorage]
ANSWER = "Thought: I now can give a great answer\nFinal Answer: The reactor is cooled with liquid sodium."
TASK = "Summarise the cooling of the reactor"


def lessons(*suggestions, quality=8):
    return {
        "suggestions": list(suggestions),
        "quality": quality,
        "agent": "Engineer",
        "expected_output": "Text",
    }


@pytest.mark.parametrize("kind", OUTPUTS)
def test_what_was_saved_is_found_whole_with_every_key_that_crewai_reads(kind, path):
    storage = kind(path)
    storage.save(ANSWER, {"observation": TASK})
    (found,) = storage.search(query="How is the reactor cooled?", limit=5, score_threshold=0.6)
    assert found["content"] == found["context"] == ANSWER
    assert found["metadata"] == {"observation": TASK}
    assert 0.6 <= found["score"] <= 1
    assert isinstance(found["id"], str)


@pytest.mark.parametrize("kind", OUTPUTS)
def test_what_is_irrelevant_is_not_found(kind, path):
    storage = kind(path)
    storage.save(ANSWER, {})
    storage.save("The cafeteria serves soup on Tuesdays.", {})
    assert [r["content"] for r in storage.search("How is the reactor cooled?")] == [ANSWER]
    assert storage.search("Which train goes to Lisbon tonight?") == []
    assert storage.search("") == []


def test_a_query_as_long_as_crewais_finds_what_one_sentence_of_it_asks_for(path):
    storage = ShortTermStorage(path)
    storage.save(ANSWER, {})
    storage.save("Tickets for the opera are sold out until March.", {})
    query = (
        "Write a report for the safety board. State how the reactor is cooled. It has a preface, "
        "three sections and a conclusion, is written for readers without a technical past, avoids jargon, "
        "and is not longer than two pages. Name your sources. The board meets next week and decides on the "
        "extension of the licence, so be precise and complete, and mark whatever is uncertain as such."
    )
    assert [r["content"] for r in storage.search(query)] == [ANSWER]


def test_the_threshold_is_honoured_and_the_best_come_first(path):
    storage = ShortTermStorage(path)
    storage.save("The reactor is cooled with liquid sodium.", {})
    storage.save("The reactor was painted blue.", {})
    results = storage.search("reactor cooled sodium", score_threshold=0.0)
    scores = [r["score"] for r in results]
    assert len(results) == 2
    assert scores == sorted(scores, reverse=True)
    between = sum(scores) / 2
    assert len(storage.search("reactor cooled sodium", score_threshold=between)) == 1
    assert len(storage.search("reactor cooled sodium", score_threshold=0.0, limit=1)) == 1
    assert storage.search("reactor", limit=0) == []


def test_scaffolding_does_not_decide_the_ranking(path):
    storage = ShortTermStorage(path)
    storage.save("Thought: I now can give a great answer\nFinal Answer: Bananas are rich in potassium.", {})
    storage.save("A great answer to a final question is rarely a first thought.", {})
    (found,) = storage.search("final answer, great thought", score_threshold=0.6)
    assert found["content"].startswith("A great answer")


def test_markdown_fences_are_given_back_but_not_searched(path):
    storage = ShortTermStorage(path)
    output = "Final Answer:\n```python\ndef shear_modulus(): ...\n```"
    storage.save(output, {})
    assert storage.search("shear modulus")[0]["content"] == output
    assert storage.search("python", score_threshold=0.3) == []


def test_an_output_of_scaffolding_alone_is_kept(path):
    storage = ShortTermStorage(path)
    storage.save("Final Answer:", {})
    assert storage.search("final answer", score_threshold=0.0)[0]["content"] == "Final Answer:"


def test_the_same_output_helps_once(path):
    storage = ShortTermStorage(path)
    for task in ("a", "b", "c"):
        storage.save(ANSWER, {"observation": task})
        storage.save(ANSWER, {"observation": task})
    assert storage.store.count(scope=storage.scope) == 3
    assert len(storage.search("How is the reactor cooled?")) == 1


@pytest.mark.parametrize("value", ["", "  \n", None, 42, ["a", "list"]])
def test_any_value_can_be_saved(value, path):
    storage = ShortTermStorage(path)
    storage.save(value, None)
    assert storage.store.count(scope=storage.scope) == (0 if isinstance(value, str) else 1)


def test_text_and_metadata_that_no_store_can_hold_are_kept_as_well_as_can_be(path):
    storage = ExternalStorage(path)
    storage.save(
        "The sodium\0 loop \ud800 leaks",
        {
            "messages": [{"role": "user", "content": "x\0"}],
            "when": time,
            "nan": float("nan"),
            "huge": 10**30,
            1: {2},
            "schema": BaseModel,
        },
    )
    (found,) = storage.search("sodium loop leaks")
    assert found["content"] == "The sodium\ufffd loop \ufffd leaks"
    assert found["metadata"]["messages"][0]["role"] == "user"
    assert found["metadata"]["nan"] == "nan"
    assert found["metadata"]["1"] == [2]


def test_a_filter_is_a_condition_on_the_metadata(path):
    storage = EntityStorage(path)
    storage.save("Sodium(Element): a soft metal", {"year": 1807})
    storage.save("Sodium(Band): plays soft metal", {"year": 1999})
    (found,) = storage.search("soft metal sodium", filter={"year": {"$gte": 1900}}, score_threshold=0.1)
    assert found["metadata"]["year"] == 1999


def test_kinds_and_crews_in_one_file_never_see_each_other(path):
    storages = [
        kind(path, crew)
        for kind in OUTPUTS
        for crew in ("a", "b", "a/b", "a b", "%2F", "..", "ü", "ü\u3000", "\u3000", "x" * 500)
    ]
    for number, storage in enumerate(storages):
        storage.save(f"The secret number is {number}", {})
    assert len({storage.scope for storage in storages}) == len(storages)
    for number, storage in enumerate(storages):
        found = storage.search("What is the secret number?", score_threshold=0.0, limit=50)
        assert [r["content"] for r in found] == [f"The secret number is {number}"]
    storages[0].reset()
    assert storages[0].search("secret number", score_threshold=0.0) == []
    assert all(s.search("secret number", score_threshold=0.0) for s in storages[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_a_storage_is_true_though_empty_and_a_copy_is_itself(kind, path):
    storage = kind(path)
    assert storage
    assert not hasattr(kind, "__len__")
    assert not hasattr(kind, "__bool__")
    assert copy.deepcopy(storage) is storage
    assert copy.copy(storage) is storage
    assert copy.deepcopy({"storage": storage})["storage"] is storage


@pytest.mark.parametrize("kind", KINDS)
def test_reset_twice_and_before_anything_was_saved(kind, path):
    storage = kind(path)
    storage.reset()
    storage.reset()
    asyncio.run(storage.areset())


def test_a_store_can_be_shared_and_is_then_not_closed(path):
    store = agentmem.open(path)
    storage = ShortTermStorage(store)
    storage.close()
    storage.save(ANSWER, {})
    assert store.count(scope="/crew/crew/short_term") == 1


def test_a_closed_storage_opens_again_when_crewai_goes_on(path):
    storage = ShortTermStorage(path)
    storage.save(ANSWER, {})
    storage.close()
    storage.close()
    assert len(storage.search("How is the reactor cooled?")) == 1


def test_a_bad_path_is_reported_by_the_constructor(tmp_path):
    with pytest.raises((agentmem.AgentMemError, OSError)):
        ShortTermStorage(tmp_path)


def test_a_failure_is_logged_and_raised(path, caplog):
    store = agentmem.open(path)
    storages = [kind(store) for kind in KINDS]
    store.close()
    for storage in storages:
        calls = [lambda s=storage: s.reset()]
        if isinstance(storage, LongTermStorage):
            calls += [lambda s=storage: s.load("x", 2), lambda s=storage: s.save("x", {}, "1", 1)]
        else:
            calls += [lambda s=storage: s.search("x"), lambda s=storage: s.save("x", {})]
        for call in calls:
            caplog.clear()
            with (
                caplog.at_level(logging.ERROR, "agentmem"),
                pytest.raises(agentmem.StoreClosedError) as raised,
            ):
                call()
            assert not isinstance(raised.value, RuntimeError)
            assert type(storage).__name__ in caplog.text


# Long-term memory


def test_an_exact_task_is_answered_newest_first_then_worst_first(path):
    storage = LongTermStorage(path)
    storage.save(task_description=TASK, score=5, metadata=lessons("old", quality=5), datetime="1700000000.5")
    storage.save(
        task_description=TASK, score=9, metadata=lessons("new, good", quality=9), datetime="1800000000.5"
    )
    storage.save(
        task_description=TASK, score=2, metadata=lessons("new, bad", quality=2), datetime="1800000000.5"
    )
    runs = storage.load(TASK, 2)
    assert runs == [
        {"metadata": lessons("new, bad", quality=2), "datetime": "1800000000.5", "score": 2},
        {"metadata": lessons("new, good", quality=9), "datetime": "1800000000.5", "score": 9},
    ]
    assert len(storage.load(TASK, 10)) == 3
    assert len(storage.load(TASK, -1)) == 3
    assert storage.load(TASK, 0) is None


def test_nothing_is_none_and_not_an_empty_list(path):
    storage = LongTermStorage(path)
    assert storage.load(TASK, 2) is None
    assert storage.load("", 2) is None
    storage.save("Bake a cake", lessons("Use butter"), "1", 5)
    assert storage.load(TASK, 2) is None


def test_a_similar_task_answers_when_none_was_run_word_for_word(path):
    storage = LongTermStorage(path)
    storage.save(TASK, lessons("Name the coolant"), "1700000000", 7)
    storage.save("Bake a chocolate cake for the party", lessons("Use butter"), "1700000001", 7)
    similar = "Summarise the cooling of the second reactor"
    assert [run["metadata"]["suggestions"] for run in storage.load(similar, 2)] == [["Name the coolant"]]
    assert LongTermStorage(path, similar=None).load(similar, 2) is None
    assert LongTermStorage(path, similar=None).load(TASK, 2) is not None


@pytest.mark.parametrize("suggestions", [None, "Be brief", [], ["a", "b"]])
def test_suggestions_can_always_be_iterated_over(suggestions, path):
    storage = LongTermStorage(path)
    storage.save(TASK, {} if suggestions is None else {"suggestions": suggestions}, "1700000000", 5)
    (run,) = storage.load(TASK, 2)
    assert isinstance(run["metadata"]["suggestions"], list)


@pytest.mark.parametrize(
    "when", ["1700000000", "1700000000.123", "2024-05-06T07:08:09", "yesterday", "", "1e400", "nan"]
)
def test_any_datetime_comes_back_as_it_was(when, path):
    storage = LongTermStorage(path)
    storage.save(TASK, lessons("a"), when, 5)
    assert storage.load(TASK, 2)[0]["datetime"] == when


@pytest.mark.parametrize("score", [0, 10, 8.5, 11, -1, None])
def test_any_score_can_be_saved(score, path):
    storage = LongTermStorage(path)
    storage.save(TASK, lessons("a"), "1700000000", score)
    assert storage.load(TASK, 2)[0]["score"] == (0 if score is None else score)


def test_a_score_that_is_no_number_does_not_hide_the_other_runs(path):
    storage = LongTermStorage(path)
    for run, score in enumerate(["8", Decimal("7.5"), float("nan"), float("inf"), 10**400, "good", 5]):
        storage.save(TASK, lessons("a"), str(run), score)
    assert [run["score"] for run in storage.load(TASK, 10)] == [5, 0, 0, 0, 0, 7.5, 8]


# Async


def test_async_forms_do_the_same_and_leave_the_event_loop_free(path):
    async def run():
        short, long = ShortTermStorage(path), LongTermStorage(path)
        await asyncio.gather(*(short.asave(f"Valve {n} is shut", {"n": n}) for n in range(20)))
        await long.asave(TASK, lessons("a"), "1700000000", 5)
        found, runs = await asyncio.gather(short.asearch("valve 7"), long.aload(TASK, 2))
        await short.areset()
        await long.areset()
        return found, runs, await short.asearch("valve 7"), await long.aload(TASK, 2)

    found, runs, nothing, none = asyncio.run(run())
    assert found[0]["content"] == "Valve 7 is shut"
    assert runs[0]["score"] == 5
    assert (nothing, none) == ([], None)


def test_many_threads_save_and_search_at_once(path):
    storage, errors = ShortTermStorage(path), []

    def work(number):
        try:
            for step in range(10):
                storage.save(f"Pump {number} was at step {step}", {})
                storage.search(f"pump {number}")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert storage.store.count(scope=storage.scope) == 80
