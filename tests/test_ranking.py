"""Generated stores and queries: the store finds what its oracle in `ranking` finds, in the same order and
with the same scores.

`AGENTMEM_RANKINGS=100000 pytest tests/test_ranking.py` tries more of them.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from statistics import pstdev
from typing import Any

import postgres_server
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracle import Oracle
from ranking import modes, words
from ranking.first_stage import UndecidedError
from ranking.score import Ranked, answered, probabilities, scores
from ranking.statistics import Row, Statistics
from ranking.tuning import DISK, TUNING

import agentmem

RANKINGS = int(os.environ.get("AGENTMEM_RANKINGS", "100"))
TOLERANCE = 2e-5
ROUNDED = 5e-3
"""What quantized vectors change in the value of a fused record."""
"""The first stage adds up in 32 bits, whole numbers in memory and floats on disk; an idf has 24 bits."""
ALL = 100_000
SEGMENT = 33_000
"""So many records make a segment of the index."""
NOW = datetime.now(timezone.utc)

WORDS = {
    "common": "server meeting invoice garden kitchen database coffee red car",
    "rare": "peanut zeppelin quartz contract restaurant email phone tea",
    "inflected": "servers meetings deploys deployed deploying invoices",
    "stop": "the is what how of in a did to who",
    "names": "Alice Bob Oslo IT May Will US D",
    "task": "summarize output report write step research please thanks",
    "german": "Haftpflichtversicherung Rechnungsnummer Schwägerin groß",
    "russian": "собака собаку собакам офис офиса",
    "chinese": "喜欢苹果 苹果 手机 上司的手机 什么 的",
    "korean": "삼성전자 회의 회의에서",
    "code": "parseJson max_retry_count HTTPServer2 isRed toDo v2 json retry db-7 naïve Zoë's don't 👍",
    "joined": "POL-358 pol358 wi-fi wifi log-in login RTX4090 RTX 4090 10kg 10 kg v1.2.3 v1.2 a@b.org",
    "symbols": "U.S.A. USA C++ C# C .NET net A+ 1,000 1000 5-3 2024-05-17 AT&T",
    "written": "2nd second December Dec 1990 1990s paid pay mice life lives 9fceb02 9fceb02d0ae",
    "prefixes": "השרת שרת uebergabe Übergabe",
    "negated": "not isn't won't",
}
UNKNOWN = (
    "kicthen kitchn databse datbase zepelin restuarant gardenhouse coffeetable elephant quarts "
    "Versicherung Rechnung Schwägerinnen собак офисы"
)
"""Words that no record holds, most of them like one that some do."""
LABELS = ["", "", "", "Alice: ", "Bob: ", "Bob (Customer): ", "小明\uff1a", "Note on May: ", "one: "]
SCOPES = ["/", "/a", "/a/b", "/ab", "/talk"]
VECTORS = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-0.6, 0.8], [0.5, 0.45]]

word = st.sampled_from([one for some in WORDS.values() for one in some.split()])
usual_word = st.sampled_from([one for kind in ("common", "rare", "names") for one in WORDS[kind].split()])
unknown_word = st.sampled_from(UNKNOWN.split() + WORDS["russian"].split())
phrases = st.lists(usual_word | word, min_size=1, max_size=7).map(" ".join)
contents = st.builds(
    lambda label, some, joint, end: label + joint.join(some) + end,
    st.sampled_from(LABELS),
    st.lists(phrases, min_size=1, max_size=2),
    st.sampled_from([", ", ". ", "\n"]),
    st.sampled_from(["", ".", "?"]),
)
task_word = st.sampled_from(WORDS["task"].split())
task_phrases = st.lists(task_word | usual_word, min_size=2, max_size=4).map(" ".join)
unknown_phrases = st.lists(unknown_word | usual_word, min_size=1, max_size=4).map(" ".join)
sentences = st.builds(
    str.__add__,
    phrases | task_phrases | unknown_phrases,
    st.sampled_from(["?", "? ", "?\n", ". ", "! ", ": ", " ", "", '?" ']),
)
queries = st.lists(sentences, min_size=1, max_size=3).map("".join)
records = st.fixed_dictionaries(
    {
        "content": contents,
        "scope": st.sampled_from(SCOPES),
        "importance": st.sampled_from([0.0, 0.3, 1.0]),
        "source": st.none() | st.sampled_from(["alice", "bob"]),
        "private": st.sampled_from([False, False, False, True]),
        "created_at": st.integers(0, 90).map(lambda days: NOW - timedelta(days=days)),
        "embedding": st.none() | st.sampled_from(VECTORS),
    }
)
filters = st.just({}) | st.fixed_dictionaries(
    {},
    optional={
        "scope": st.sampled_from(SCOPES),
        "source": st.sampled_from(["alice", "bob"]),
        "include_private": st.just(True),
    },
)
weights = st.fixed_dictionaries(
    {
        "recency_weight": st.sampled_from([0.0, 0.5, 1.0]),
        "importance_weight": st.sampled_from([0.2, 1.0]),
        "half_life_days": st.sampled_from([3.0, 30.0]),
    }
)


@st.composite
def stores(draw: st.DrawFn) -> list[Row]:
    """Records, some repeated; sometimes so many that the second stage ranks a part of them."""
    drawn = draw(st.lists(records, min_size=1, max_size=12))
    repeated = draw(st.lists(st.sampled_from(drawn), max_size=3))
    rows = [*drawn, *repeated, *crowd(draw(st.sampled_from([0, 0, 30, 100])), draw(st.integers(0, 999)))]
    return [{**row, "id": f"r{number}", "categories": []} for number, row in enumerate(rows)]


def crowd(size: int, seed: int) -> list[Row]:
    """Records that are made quicker than drawn."""
    chosen = random.Random(seed)
    usual = " ".join(
        WORDS[kind] for kind in ("common", "common", "common", "rare", "names", "german")
    ).split()
    return [
        {
            "content": chosen.choice(LABELS) + " ".join(chosen.choices(usual, k=chosen.randint(1, 9))),
            "scope": chosen.choice(SCOPES),
            "importance": chosen.choice([0.0, 1.0]),
            "source": None,
            "private": False,
            "created_at": NOW - timedelta(days=chosen.randint(0, 90)),
            "embedding": chosen.choice([None, *VECTORS]),
        }
        for _ in range(size)
    ]


@cache
def empty_store() -> Path:
    """A store without records: a copy is made quicker than a new one."""
    folder = Path(tempfile.mkdtemp(prefix="agentmem-ranking-"))
    agentmem.open(folder / "memory.db", durability="normal").close()
    return folder


class Both:
    """A store as its oracle has it, and opened with each kind of index."""

    def __init__(self, *handles: agentmem.MemoryStore) -> None:
        self.oracle = Oracle(NOW)
        self.handles = handles

    def add(self, rows: list[Row]) -> None:
        assert self.handles[0].add_many(rows) == self.oracle.add_many(rows)

    def delete(self, ids: list[str]) -> None:
        assert self.handles[0].delete(ids) == self.oracle.delete(ids)

    def found(self, handle: agentmem.MemoryStore, query: str, **options: Any) -> dict[int, agentmem.Hit]:
        """The hits by the number of their record, in order."""
        numbers = {row["id"]: row["seq"] for row in self.oracle.rows}
        return {numbers[hit.record.id]: hit for hit in handle.search(query, **{"limit": ALL, **options})}


@contextmanager
def opened(rows: list[Row]) -> Iterator[Both]:
    """A new store of these records."""
    with tempfile.TemporaryDirectory(prefix="agentmem-ranking-") as folder:
        if postgres_server.chosen:
            path = postgres_server.shared().store(space_depth=0)
        else:
            shutil.copytree(empty_store(), folder, dirs_exist_ok=True)
            path = f"{folder}/memory.db"
        with open_both(path) as both:
            both.add(rows)
            yield both


@contextmanager
def open_both(path: str) -> Iterator[Both]:
    """A store, opened with each kind of index that it can have."""
    options: dict[str, Any] = {"durability": "normal", "pool_size": 2}
    index: Any = "memory" if postgres_server.chosen else "disk"
    with agentmem.open(path, **options) as memory, agentmem.open(path, index=index, **options) as disk:
        yield Both(memory, disk)


def settled(values: dict[int, float], found: dict[int, Any], tolerance: float = TOLERANCE) -> list[int]:
    """The keys of `values` in their order, best first. Those that are equal but for rounding are in the
    order in which they were found.
    """
    places = {seq: place for place, seq in enumerate(found)}
    groups: list[list[int]] = []
    for seq, value in values.items():
        if groups and values[groups[-1][-1]] - value <= tolerance * max(1.0, abs(value)):
            groups[-1].append(seq)
        else:
            groups.append([seq])
    return [seq for group in groups for seq in sorted(group, key=lambda seq: places.get(seq, ALL))]


def check(values: dict[int, float], found: dict[int, agentmem.Hit], limit: int = ALL) -> None:
    """Are these the hits, with these scores, best first?"""
    order = settled(values, found)[:limit]
    assert list(found) == order
    assert [hit.score for hit in found.values()] == pytest.approx([values[s] for s in order], abs=TOLERANCE)


def check_newest_first(found: dict[int, agentmem.Hit]) -> None:
    """Of records that differ in nothing that is searched the newest is first."""
    by_content: dict[str, list[int]] = {}
    for seq, hit in found.items():
        by_content.setdefault(hit.record.content, []).append(seq)
    for seqs in by_content.values():
        assert seqs == sorted(seqs, reverse=True)


def check_ranking(
    ranking: list[Ranked], found: dict[int, agentmem.Hit], limit: int = ALL
) -> dict[int, float]:
    """Are these the hits of the hybrid ranking, for these reasons? Returns the scores that it must have."""
    second = {hit.seq: hit.order for hit in ranking if hit.second_stage}
    rest = {hit.seq: hit.order for hit in ranking if not hit.second_stage}
    order = settled(second, found) + settled(rest, found)
    assert list(found) == order[:limit]
    hits = {hit.seq: hit for hit in ranking}
    expected = dict(zip(order, scores([hits[seq] for seq in order]), strict=True))
    any_relevant = answered(list(expected.values()))
    for seq, hit in found.items():
        parts = {**hits[seq].parts, "answered": any_relevant}
        assert hit.explain == pytest.approx(parts, abs=TOLERANCE, rel=TOLERANCE), hit.record.content
    wanted = [expected[seq] for seq in found]
    assert [hit.score for hit in found.values()] == pytest.approx(wanted, abs=TOLERANCE)
    return expected


settings.register_profile("rankings", deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
usual = settings(settings.get_profile("rankings"), max_examples=RANKINGS)


@given(text=contents | queries)
@usual
def test_the_oracle_and_the_analyzer_agree_on_terms(text: str) -> None:
    assert words.terms(text) == agentmem.analyze(text)


@given(rows=stores(), asked=st.lists(st.tuples(queries, filters), min_size=1, max_size=4))
@usual
def test_plain_modes(rows: list[Row], asked: list[tuple[str, dict[str, Any]]]) -> None:
    with opened(rows) as both:
        for query, options in asked:
            visible = both.oracle.select(**options)
            for mode in ("bm25", "tfidf"):
                expected = getattr(modes, mode)(query, Statistics(visible), visible)
                for handle in both.handles:
                    found = both.found(handle, query, mode=mode, **options)
                    check(expected, found)
                    check_newest_first(found)


@given(
    rows=stores(),
    asked=st.lists(st.tuples(queries, filters, st.booleans()), min_size=1, max_size=3),
    own=st.lists(st.integers(0, 5), max_size=1),
    gone=st.sets(st.integers(0, 8), max_size=3),
    limit=st.integers(1, 20),
)
@usual
def test_hybrid(
    rows: list[Row],
    asked: list[tuple[str, dict[str, Any], bool]],
    own: list[int],
    gone: set[int],
    limit: int,
) -> None:
    itself = [(f" {rows[at]['content']}\n", {}, True) for at in own if at < len(rows)]
    with opened(rows) as both:
        both.delete([f"r{number}" for number in gone])
        for query, options, dialogue in asked + itself:
            visible = both.oracle.select(**options)
            ranking = ranked(query, Statistics(visible), visible)
            for handle in both.handles:
                found = both.found(handle, query, **options)
                check_ranking(ranking, found)
                check_newest_first(found)
                best = both.found(handle, query, limit=limit, **options)
                assert list(best.items()) == list(found.items())[:limit]
                if dialogue:
                    in_order = sorted(ranking, key=lambda hit: list(found).index(hit.seq))
                    heard = modes.dialogue(query, in_order, visible, visible)
                    check_ranking(heard, both.found(handle, query, dialogue=True, **options))


def ranked(query: str, statistics: Statistics, visible: list[Row]) -> list[Ranked]:
    """The ranking, of an example in which rounding decides nothing."""
    try:
        return modes.hybrid(query, statistics, visible)
    except UndecidedError:
        assume(False)
        raise


@given(rows=stores(), query=queries, options=filters, wanted=st.sampled_from(VECTORS), mixed=weights)
@usual
def test_vectors_and_weights(
    rows: list[Row], query: str, options: dict[str, Any], wanted: list[float], mixed: dict[str, float]
) -> None:
    with opened(rows) as both:
        visible = both.oracle.select(**options)
        ranking = ranked(query, Statistics(visible), visible)
        for handle in both.handles:
            near = both.found(handle, query, mode="vector", vector=wanted, **options)
            check(modes.vector(wanted, visible), near)
            cosines = modes.cosines(wanted, visible)
            # Among nearly equal cosines, rounding decides how far each is from the mean.
            assume(len(set(cosines.values())) < 2 or pstdev(cosines.values()) > 40 * ROUNDED)
            lexical = both.found(handle, query, **options)
            check_ranking(ranking, lexical)
            in_order = sorted(ranking, key=lambda hit: list(lexical).index(hit.seq))
            evidence = max((hit.proof.evidence for hit in in_order[: TUNING.fusion.TOP]), default=0.0)
            found = both.found(handle, query, vector=wanted, **options)
            check_fusion(in_order, evidence, cosines, lexical, found)
            heard = both.found(handle, query, dialogue=True, **options)
            turns = modes.dialogue(query, in_order, visible, visible)
            turns.sort(key=lambda hit: list(heard).index(hit.seq))
            fused = both.found(handle, query, vector=wanted, dialogue=True, **options)
            check_fusion(turns, evidence, cosines, heard, fused)
            for outcome, more in (
                (lexical, {}),
                (near, {"mode": "vector", "vector": wanted}),
                (found, {"vector": wanted}),
            ):
                relevance = {seq: hit.score for seq, hit in outcome.items()}
                expected = modes.blend(relevance, visible, datetime.now(timezone.utc), **mixed)
                check(expected, both.found(handle, query, **more, **mixed, **options))


def check_fusion(
    ranking: list[Ranked],
    evidence: float,
    cosines: dict[int, float],
    lexical: dict[int, agentmem.Hit],
    found: dict[int, agentmem.Hit],
) -> None:
    """Are these the hits of a ranking and the nearest vectors together?"""
    values, others, distances = modes.fuse(ranking, evidence, cosines)
    told = {hit.seq for hit in ranking if hit.second_stage} | set(others)
    lexical = {seq: hit for seq, hit in lexical.items() if seq in told}
    assert list(found) == settled(values, found, ROUNDED) + others
    expected = fused_scores(ranking, lexical, found)
    is_answered = answered([hit.score for hit in found.values()])
    for seq, hit in found.items():
        explain = dict(hit.explain)
        assert explain.pop("fused", None) == pytest.approx(values.get(seq), abs=ROUNDED)
        assert explain.pop("vector", None) == pytest.approx(cosines.get(seq), abs=TOLERANCE)
        assert explain.pop("z", None) == pytest.approx(distances.get(seq), abs=10 * ROUNDED)
        assert explain.pop("answered") == pytest.approx(is_answered, abs=TOLERANCE)
        alone = dict(lexical[seq].explain) if seq in lexical else {}
        alone.pop("answered", None)
        assert explain == alone
        assert hit.score == pytest.approx(expected[seq], abs=TOLERANCE)


def fused_scores(
    ranking: list[Ranked], lexical: dict[int, agentmem.Hit], found: dict[int, agentmem.Hit]
) -> dict[int, float]:
    """The scores of fused hits, by the values and distances in their explanations."""
    hits = {hit.seq: hit for hit in ranking}
    first, expected, ceiling = [], {}, 1.0
    for seq, hit in found.items():
        one = hits.get(seq, Ranked(seq, 0.0))
        near = max(0.0, hit.explain.get("z", 0.0)) ** 2
        one = replace(one, order=hit.explain.get("fused", 0.0), bonus=0.0, near=near)
        if "fused" in hit.explain:
            first.append(one)
        else:
            alone = lexical[seq].score if seq in lexical else probabilities([one])[0]
            expected[seq] = alone
    top = {hit.seq: score for hit, score in zip(first, probabilities(first), strict=True)}
    for seq in found:
        itself = seq in lexical and lexical[seq].score == 1
        ceiling = min(ceiling, 1.0 if itself and seq in top else (top | expected)[seq])
        expected[seq] = ceiling
    return expected


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A store with a segment and a memtable, in both of which records are private and deleted."""
    path = str(tmp_path_factory.mktemp("large") / "memory.db")
    rows = [
        {**row, "id": f"r{number}", "seq": number + 1, "categories": [], "private": number % 50 == 0}
        for number, row in enumerate(crowd(SEGMENT + 500, 1))
    ]
    given = [{name: row[name] for name in row if name != "seq"} for row in rows]
    with agentmem.open(path, durability="normal") as store:
        store.add_many(given[:SEGMENT])
    with open_both(path) as both:
        memory = both.handles[0]
        memory.add_many(given[SEGMENT:])
        memory.delete([row["id"] for row in rows[::37]])
        assert (memory.stats().segments, memory.stats().memtable_records) == (1, 500)
        both.oracle.rows = [row for number, row in enumerate(rows) if number % 37]
        yield both


@pytest.mark.file
@given(query=queries, scope=st.none() | st.sampled_from(SCOPES), limit=st.integers(1, 100))
@settings(usual, max_examples=max(20, RANKINGS // 5))
def test_a_large_store(large: Both, query: str, scope: str | None, limit: int) -> None:
    both = large
    memory, disk = both.handles
    visible = both.oracle.select(scope=scope)
    statistics = Statistics(visible)
    ranking = ranked(query, statistics, visible)
    # Without an index in memory the first stage is exact as long as it finds few.
    for handle in [memory, disk] if len(ranking) <= DISK.EXACT else [memory]:
        check_ranking(ranking, both.found(handle, query, limit=limit, scope=scope), limit)
    expected = modes.bm25(query, statistics, visible)
    check(expected, both.found(memory, query, mode="bm25", limit=limit, scope=scope), limit)


@given(
    questions=st.sets(st.integers(0, 79), max_size=40),
    size=st.integers(30, 80),
    filler=st.sampled_from(["", "unheard ", "x "]),
)
@settings(usual, max_examples=max(10, RANKINGS // 10))
def test_a_long_query(questions: set[int], size: int, filler: str) -> None:
    lines = [f"Job w{n} ran{'?' if n in questions else ','}" for n in range(size)]
    query = "\n".join([*lines[: size // 2], filler * 3000, *lines[size // 2 :]])
    with opened([a_record(f"w{n}", f"Job w{n}") for n in range(80)]) as both:
        check_all(both, query)


@pytest.mark.parametrize("known", [100, 300])
def test_a_query_of_many_words(known: int) -> None:
    query = " ".join(f"w{n} unheard{n}" for n in range(400))
    with opened(
        [a_record(f"r{n}", " ".join(f"w{n + m * m}" for m in range(1 + n % 5))) for n in range(known)]
    ) as both:
        check_all(both, query)


def test_long_texts() -> None:
    texts = [f"Zeppelin {n}. " + f"garden{n} car " * (n * 300) for n in range(1, 12)]
    with opened([a_record(f"r{n}", text) for n, text in enumerate(texts)]) as both:
        for query in ("zeppelin car", "garden3", "Is garden11 for the zeppelin?"):
            check_all(both, query)


def test_what_is_named_exactly_and_what_is_asked_in_whole() -> None:
    texts = [
        "Ticket POL-385 is open.",
        "Ticket POL-999 is open, v1.2.3",
        "pol: the 385th ticket is open",
        "385 POL",
    ]
    texts += [f"Invoice {n} was paid by the customer." for n in range(90)]
    with opened([a_record(f"r{n}", text) for n, text in enumerate(texts)]) as both:
        for query in (
            *("POL-385", "is ticket POL-385 open?", "POL-777", "v1.2.9", "Is v1.2.3 out? Mail a.b@c.de"),
            *("which invoices were paid by the customer?", "customer paid", "was by the", "invoice"),
        ):
            check_all(both, query)


def a_record(id: str, content: str) -> Row:
    """A record of which only the text matters."""
    rest = {"scope": "/", "importance": 0.5, "source": None, "private": False, "categories": []}
    return {"id": id, "content": content, "created_at": NOW, "embedding": None, **rest}


def check_all(both: Both, query: str) -> None:
    """Checks all modes."""
    statistics, rows = Statistics(both.oracle.rows), both.oracle.rows
    ranking = modes.hybrid(query, statistics, rows)
    for handle in both.handles:
        check_ranking(ranking, both.found(handle, query))
        check(modes.bm25(query, statistics, rows), both.found(handle, query, mode="bm25"))
        check(modes.tfidf(query, statistics, rows), both.found(handle, query, mode="tfidf"))
