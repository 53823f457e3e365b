"""Compare: two searches, and how alike they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspector.sample import fill
from starlette.testclient import TestClient

import agentmem
from agentmem.inspect import app
from agentmem.inspect.overlap import overlap_at, rank_biased_overlap

RANKING = st.lists(st.sampled_from("abcdefghijklmnop"), unique=True)


def test_rank_biased_overlap_of_known_lists() -> None:
    """A hand calculation: overlaps 0, 1 and 2 of 1, 2 and 3 with p = 0.5."""
    by_hand = 0.5 / 0.5 * (0 * 0.5 + 1 / 2 * 0.25 + 2 / 3 * 0.125) + 2 / 3 * 0.125
    assert rank_biased_overlap("abc", "bda", 0.5) == pytest.approx(by_hand)
    assert rank_biased_overlap("abc", "xyz") == 0
    assert rank_biased_overlap("abcde", "abcde") == pytest.approx(1)


@given(RANKING, RANKING)
def test_overlaps_are_shares(left: list[str], right: list[str]) -> None:
    for measure in (rank_biased_overlap(left, right), overlap_at(left, right, 10)):
        assert 0 <= measure <= 1 + 1e-9
    assert rank_biased_overlap(left, right) == rank_biased_overlap(right, left)
    assert rank_biased_overlap(left, left) == pytest.approx(1)


@given(RANKING.filter(bool))
def test_a_prefix_is_like_its_list(ranking: list[str]) -> None:
    assert rank_biased_overlap(ranking, ranking[:-1] or ranking) == pytest.approx(1)


@pytest.fixture
def client(path: Path) -> Iterator[TestClient]:
    fill(path)
    with agentmem.open(path) as store:
        yield TestClient(app(store, guard=False))


def test_the_right_side_is_bm25_unless_it_is_given(client: TestClient) -> None:
    page = client.get("/compare.json?a_q=indexer+memory").json()
    assert (page["left"]["form"]["mode"], page["right"]["form"]["mode"]) == ("hybrid", "bm25")
    assert page["overlap"] == 1
    page = client.get("/compare.json?a_q=indexer&b_q=invoices").json()
    assert page["overlap"] == 0
    assert page["lines"] == []


def test_one_record_is_explained_on_both_sides(client: TestClient) -> None:
    page = client.get("/compare.json?a_q=indexer&b_q=indexer&b_scope=/user&why=fact-8").json()
    assert page["left"]["why"]["explanation"]["hit"]
    assert page["right"]["why"]["explanation"]["excluded_by"] == "scope"


def test_one_bad_side_does_not_hide_the_other(client: TestClient) -> None:
    answer = client.get("/compare?a_q=indexer&b_q=indexer&b_where={")
    assert answer.status_code == 400
    assert "where is not JSON" in answer.text
    assert "memory stays flat" in answer.text
