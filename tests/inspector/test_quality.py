"""Quality: figures that can be computed by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspector.test_record import Visitor

import agentmem
from agentmem import MemoryStore
from agentmem.inspect.labels import Label, Labels
from agentmem.inspect.ndcg import mean, ndcg
from agentmem.inspect.reliability import Judged, at_threshold, bins, suggested_threshold, wilson

JUDGED = st.lists(st.builds(Judged, st.floats(0, 1), st.booleans()))


def test_the_interval_of_a_share() -> None:
    """Values of the Wilson interval that are printed in textbooks: 0 of 10, 5 of 10."""
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


@given(JUDGED)
def test_each_label_is_in_one_bin(judged: list[Judged]) -> None:
    found = bins(judged)
    assert sum(one.count for one in found) == len(judged)
    assert sum(one.relevant for one in found) == sum(one.relevant for one in judged)
    assert all(one.low <= one.share + 1e-9 and one.share <= one.high + 1e-9 for one in found)
    assert [one.mean_score for one in found] == sorted(one.mean_score for one in found)


def test_a_threshold_divides_the_labels() -> None:
    judged = [Judged(0.9, True), Judged(0.8, False), Judged(0.3, True), Judged(0.1, False)]
    assert at_threshold(judged, 0.5) == (0.5, 0.5)
    assert at_threshold(judged, 0.95) == (None, 0)
    assert at_threshold([], 0.5) == (None, None)
    assert suggested_threshold(judged) == 0.9


@given(JUDGED)
def test_the_suggestion_holds_what_it_promises(judged: list[Judged]) -> None:
    threshold = suggested_threshold(judged)
    if threshold is not None:
        precision, _ = at_threshold(judged, threshold)
        assert precision is not None
        assert precision >= 0.9


def test_ndcg_of_a_ranking() -> None:
    assert ndcg(["a", "b"], {"a"}) == 1
    assert ndcg(["b", "a"], {"a"}) == pytest.approx(1 / math.log2(3))
    assert ndcg(["x"], {"a"}) == 0
    found = mean([0.0, 1.0] * 20)
    assert found.value == 0.5
    assert found.low < 0.5 < found.high


def test_labels_survive_what_is_no_label(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    labels = Labels(str(path))
    assert labels.all() == []
    labels.add(Label("q", "a", True, 0.5))
    with path.open("a") as file:
        file.write('nonsense\n{}\n[]\n{"query": 1, "id": "a", "relevant": true, "score": 7}\n\n')
    labels.add(Label("q", "b", False, None))
    assert labels.all() == [Label("q", "a", True, 0.5), Label("q", "b", False, None)]


@pytest.fixture
def store(path: Path) -> Iterator[MemoryStore]:
    with agentmem.open(path) as store:
        store.add_many([{"content": f"alpha beta {word}", "id": word} for word in ("one", "two", "three")])
        yield store


def test_labels_given_in_search_are_counted(store: MemoryStore) -> None:
    visitor = Visitor(store)
    assert "Nothing is labelled yet" in visitor.get("/quality").text
    visitor.get("/search?q=one")
    visitor.post("/label", id="one", q="one", relevant="yes")
    visitor.post("/label", id="two", q="one", relevant="no")
    page = visitor.get("/quality.json").json()
    assert page["labels"] == 2
    assert page["modes"]["hybrid"]["value"] == 1
    assert (
        "1 label" in visitor.get("/quality").text
        or "2 labels: too few to tell" in visitor.get("/quality").text
    )
    assert visitor.get("/quality/qrels").text == "1 0 one 1\n1 0 two 0\n"
    assert visitor.get("/quality/queries").text == "1\tone\n"
    assert visitor.get("/quality?threshold=nonsense").status_code == 200


def test_a_score_that_is_no_probability_is_not_kept(store: MemoryStore) -> None:
    visitor = Visitor(store)
    visitor.get("/search?q=one&mode=bm25")
    visitor.post("/label", id="one", q="one", relevant="yes", mode="bm25")
    page = visitor.get("/quality.json").json()
    assert page["labels"] == 1
    assert page["bins"] == []
