"""Long records: the best passage decides, whatever else the record says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import agentmem
from agentmem import Hit, MemoryStore
from agentmem.cli import cli

FACT = "We recommend leasing the Urbanvelo Trekka because its battery swap takes two minutes."
QUERY = "battery swap time of the Trekka"
PLACES = {"beginning": 0.0, "middle": 0.5, "end": 1.0}


def prose(size: int, fact: str = FACT, at: float = 0.5) -> str:
    """So many characters of a report about other things, with the fact at that place."""
    sentence = "In week {} the {} team of the {} office counted {} orders, and the {} was late again. "
    teams, things = ("paint", "garden", "night", "glass"), ("courier", "invoice", "plumber", "ferry")
    sentences: list[str] = []
    while sum(map(len, sentences)) < size:
        week = len(sentences)
        sentences.append(sentence.format(week, teams[week % 4], week % 9, week * 7, things[week % 3]))
    sentences.insert(round(at * len(sentences)), f"{fact} ")
    return "".join(sentences).strip()


def notes(count: int = 300) -> list[str]:
    """Short records, some of which share words with the query."""
    things = ("lamp", "clock", "scale", "radio", "torch")
    kinds = (
        "The {} in room {} needs a new bulb.",
        "Jonas moved the {} to room {}.",
        "Paint the {} of room {}.",
    )
    return [kinds[n % 3].format(things[n % 5], n) for n in range(count)]


def passage_of(hit: Hit) -> str:
    assert hit.passage is not None
    start, end = hit.passage
    return hit.record.content[start:end]


@pytest.fixture
def filled(store: MemoryStore) -> MemoryStore:
    store.add_many(["Battery for the smoke detector is empty.", *notes()])
    return store


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [3_000, 66_000, 1_000_000])
def test_a_fact_is_found_in_a_long_record(filled: MemoryStore, size: int, place: str) -> None:
    filled.add(prose(size, at=PLACES[place]), id="report")
    best, *others = filled.search(QUERY)
    assert best.record.id == "report"
    assert best.score > 0.5
    assert all(hit.score < best.score for hit in others)
    assert passage_of(best) == FACT


@pytest.mark.parametrize("size", [60_000, 70_000, 130_000, 270_000, 2_200_000, 3_000_000])
def test_no_length_is_a_limit(quick: MemoryStore, size: int) -> None:
    quick.add_many(["Battery for the smoke detector is empty.", *notes()])
    quick.add(prose(size, at=1.0), id="report")
    best = quick.search(QUERY)[0]
    assert best.record.id == "report"
    assert best.score > 0.5
    assert passage_of(best) == FACT


def test_a_long_record_is_found_among_many_candidates(filled: MemoryStore) -> None:
    filled.add_many(f"The battery of lamp {n} is new." for n in range(100))
    filled.add_many(f"What time is swap day {n}?" for n in range(100))
    filled.add(prose(1_000_000), id="report")
    assert filled.search(QUERY)[0].record.id == "report"


def test_short_records_are_found_beside_long_ones(filled: MemoryStore) -> None:
    """Many long records, each with all words but far apart, do not hide the record that answers."""
    for n in range(12):
        spread = ["The battery is flat.", "A swap of shifts.", "It is time.", "The Trekka left."]
        filled.add(" ".join(prose(70_000, fact) for fact in spread), id=f"long{n}")
    filled.add(FACT, id="short")
    best = filled.search(QUERY)[0]
    assert best.record.id == "short"
    assert best.passage is None, "it is ranked as a whole"


@pytest.mark.parametrize(
    ("fact", "query"),
    [
        ("電池の交換は二分で終わるのでトレッカを借りるべきだ。", "トレッカの電池の交換"),
        ("我们建议租用特雷卡、因为它的电池两分钟就能换好。", "特雷卡的电池"),
        ("The 🚲 Trekka 𐌰 swaps 🔋 batteries in two minutes 👍🏽!", "Trekka batteries"),
    ],
)
def test_passages_are_characters_in_any_script(store: MemoryStore, fact: str, query: str) -> None:
    filler = "今天的会议推迟了、大家都在讨论新的办公室。🙂𠮷野家で昼ご飯を食べた。"
    store.add_many([*notes(), filler * 300 + fact + " " + filler * 300])
    best = store.search(query)[0]
    assert passage_of(best) == fact
    assert store.explain(query, best.record.id).passage == best.passage


def test_a_text_without_sentences_or_spaces_has_passages(store: MemoryStore) -> None:
    filler = prose(300_000, "").replace(".", "").replace(",", "").lower()
    store.add_many(notes())
    store.add(f"{filler} {FACT.lower().strip('.')} {filler}", id="unpunctuated")
    store.add("天地玄黃宇宙洪荒" * 10_000 + "电池两分钟就能换好" + "天地玄黃宇宙洪荒" * 10_000, id="unspaced")
    for query, id, words in ((QUERY, "unpunctuated", "battery swap"), ("电池能换好", "unspaced", "电池")):
        best = store.search(query)[0]
        assert best.record.id == id
        assert words in passage_of(best)
        assert len(passage_of(best)) < 600


def test_a_word_of_a_million_letters_is_a_text_like_others(store: MemoryStore) -> None:
    store.add_many(notes())
    store.add("x" * 1_000_000, id="word")
    store.add(f"{'x' * 1_000_000} Trekka {'y' * 1_000_000}", id="words")
    assert store.search("trekka")[0].record.id == "words"
    hit = store.search("x" * 1_000_000)[0]
    assert (hit.record.id, hit.score) == ("word", 1.0)


@pytest.mark.parametrize("mode", ["hybrid", "bm25", "tfidf"])
def test_explain_shows_the_passage(filled: MemoryStore, mode: agentmem.types.Mode) -> None:
    content = prose(66_000)
    filled.add(content, id="report")
    start, end = filled.explain(QUERY, "report", mode=mode).passage or (0, 0)
    assert content[start:end] == FACT


def test_the_passage_of_a_short_record_is_its_best_sentences(quick: MemoryStore) -> None:
    content = "Lunch is at noon.  The Trekka is red. Its battery is new.\n\nNobody came."
    quick.add(content, id="note")
    passages = {}
    for query in ("Trekka", "the battery of the Trekka", "noon", "zeppelin"):
        start, end = quick.explain(query, "note").passage or (0, 0)
        passages[query] = content[start:end]
    assert passages == {
        "Trekka": "The Trekka is red.",
        "the battery of the Trekka": "The Trekka is red. Its battery is new.",
        "noon": "Lunch is at noon.",
        "zeppelin": "",
    }


def test_hits_with_passages_are_values(quick: MemoryStore) -> None:
    quick.add(prose(3_000), id="report")
    (hit,) = quick.search(QUERY)
    same = Hit(hit.record, hit.score, hit.explain, hit.passage)
    assert same == hit != Hit(hit.record, hit.score, hit.explain)
    assert hit.to_dict()["passage"] == hit.passage
    assert json.loads(hit.to_json())["passage"] == list(hit.passage or ())


def test_turns_of_a_conversation_may_be_long(quick: MemoryStore) -> None:
    quick.add_many([f"Maria: {text}" for text in ("How was it?", prose(66_000, at=1.0), "I see.")])
    best = quick.search(QUERY, dialogue=True)[0]
    assert passage_of(best) == FACT


@pytest.mark.parametrize("words", [999, 1000, 1001, 60_000])
def test_a_store_of_long_records_is_sound(quick: MemoryStore, words: int) -> None:
    quick.add("car " * words, id="a")
    quick.add(" ".join(f"w{n}" for n in range(words)), id="b")
    assert quick.verify().problems == []
    quick.delete("a")
    assert quick.verify().problems == []
    quick.rebuild()
    assert quick.verify().problems == []


@pytest.mark.file
def test_the_command_line_prints_the_passage(path: Path) -> None:
    with agentmem.open(path) as store:
        store.add_many([*notes(), prose(66_000)])
    printed = CliRunner().invoke(cli, ["search", QUERY, "--limit", "1", "--path", str(path)]).stdout
    assert printed.rstrip("\n").endswith(f"\t… {FACT} …")
    as_json = CliRunner().invoke(cli, ["search", QUERY, "--limit", "1", "--path", str(path), "--json"]).stdout
    (hit,) = json.loads(as_json)
    start, end = hit["passage"]
    assert hit["record"]["content"][start:end] == FACT
