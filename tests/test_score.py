"""The score of mode "hybrid": the estimated probability that a reader calls a record relevant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import agentmem
from agentmem import MemoryStore

FACTS = [
    "Alice prefers email over phone.",
    "The staging database is Postgres 15 on host db-7.",
    "Bob is allergic to peanuts.",
    "The customer Acme renewed its contract until 2027.",
    "We decided to use Rust for the indexer.",
]
QUESTIONS = {
    "what does Alice prefer?": 0,
    "which database do we run on staging?": 1,
    "What is Bob allergic to?": 2,
    "Acme contract": 3,
    "Summarize our decisions. Which language did we decide to use for the indexer? Write a report.": 4,
}
SUBJECTS = ["weather", "garden", "train", "kitchen", "concert", "river", "museum", "harvest", "lecture"]
VERBS = ["was discussed", "opens early", "closed again", "needs repair", "looked fine", "moved north"]
PLACES = [
    "in Oslo",
    "at noon",
    "behind the mill",
    "last winter",
    "for a week",
    "without notice",
    "by the port",
]
UNRELATED = [f"The {s} {v} {p}." for s in SUBJECTS for v in VERBS for p in PLACES]


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryStore]:
    with agentmem.open(tmp_path / "memory.db", durability="normal", index=request.param) as opened:
        yield opened


def best(store: MemoryStore, query: str) -> float:
    """The score of the best hit."""
    return max((hit.score for hit in store.search(query)), default=0.0)


@pytest.mark.parametrize("others", [0, 20, len(UNRELATED)])
def test_a_record_that_says_what_is_asked_is_probably_relevant(store: MemoryStore, others: int) -> None:
    store.add_many(UNRELATED[:others] + FACTS)
    for question, fact in QUESTIONS.items():
        first, *rest = store.search(question)
        assert first.record.content == FACTS[fact]
        assert first.score >= 0.5, question
        assert all(hit.score < 0.5 for hit in rest), question
        assert first.explain["answered"] >= first.score


@pytest.mark.parametrize("others", [0, len(UNRELATED)])
@pytest.mark.parametrize(
    "question",
    [
        "Who won the football match on Sunday?",
        "how do I reset my password?",
        "Does Dana prefer jazz or rock?",
    ],
)
def test_a_question_about_something_else_finds_nothing_probable(
    store: MemoryStore, question: str, others: int
) -> None:
    store.add_many(UNRELATED[:others] + FACTS)
    assert best(store, question) < 0.5


@pytest.mark.parametrize(
    ("text", "present", "absent"),
    [
        ("The library is pinned to v1.2.3.", "v1.2.3", "v1.2.9"),
        ("Ticket POL-385 is open.", "ticket POL-385", "ticket POL-999"),
        ("The gateway has the address 10.20.30.40.", "10.20.30.40", "10.20.30.41"),
        ("The contract of 2024-05-17 is signed.", "contract of 2024-05-17", "contract of 2024-05-18"),
        (
            "Run 550e8400-e29b-41d4-a716-446655440000 failed.",
            "550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-446655440001",
        ),
        (
            "Write to nadia.brandt@example-corp.com.",
            "nadia.brandt@example-corp.com",
            "otto.kern@example-corp.com",
        ),
    ],
)
def test_an_identifier_that_is_not_there_is_improbable(
    store: MemoryStore, text: str, present: str, absent: str
) -> None:
    store.add_many([*UNRELATED[:300], text])
    assert best(store, present) >= 0.5
    assert best(store, absent) < 0.5


def test_one_character_in_common_is_improbable(store: MemoryStore) -> None:
    store.add_many([*UNRELATED[:300], "コーヒーを二杯"])
    assert best(store, "サーバー") < 0.5


def test_the_whole_question_stays_relevant_however_many_records_have_it(store: MemoryStore) -> None:
    store.add_many([*UNRELATED[:50], "Ines keeps the safe key in the blue drawer."])
    store.add_many([f"The safe key of site {n} is with guard {n * 7}." for n in range(300)])
    store.add_many([f"Invoice {n} was paid by the customer on day {n % 28}." for n in range(300)])
    for question in ("safe key", "which invoices were paid by the customer?"):
        assert all(hit.score >= 0.5 for hit in store.search(question, 100)), question


def test_only_the_text_itself_scores_one(store: MemoryStore) -> None:
    store.add_many([*UNRELATED[:50], *FACTS, f"{FACTS[2]} {FACTS[2]}"])
    scores = {hit.record.content: hit.score for hit in store.search(FACTS[2])}
    assert [content for content, score in scores.items() if score == 1] == [FACTS[2]]


def test_it_does_not_depend_on_the_limit(store: MemoryStore) -> None:
    store.add_many(UNRELATED + FACTS)
    for query in ("the museum in Oslo", "Which train needs repair?", "garden"):
        hits = store.search(query, 100)
        for limit, offset in ((1, 0), (3, 0), (5, 4), (80, 7)):
            assert store.search(query, limit, offset=offset) == hits[offset:][:limit]
        assert len({hit.explain["answered"] for hit in hits}) == 1
        bar = hits[2].score
        assert store.search(query, 100, min_score=bar) == [hit for hit in hits if hit.score >= bar]
