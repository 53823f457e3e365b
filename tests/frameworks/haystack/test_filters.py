"""Filters mean what they mean in Haystack: each is compared with document_matches_filter."""

import pytest
from haystack import Document
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import agentmem

DATES = [
    "2024-05-01",
    "2024-05-01T00:00:00",
    "2024-05-01 00:00:00",
    "2024-05-01T02:00:00+02:00",
    "2024-05-01T00:00:00Z",
    "2024-05-01T01:00:00Z",
    "2024-05-01T00:00:00.000001",
]
NO_ORDER = ["", "a", "b", "2", "2024-05", "2024-02-30", "1969-12-31T24:00"]
numbers = st.sampled_from([0, 1, 2, -1, 0.5, 1.0, 2**62])
operands = numbers | st.sampled_from([10**30, -(10**30), float("inf"), float("-inf")])
words = st.sampled_from([*NO_ORDER, *DATES])
values = st.none() | numbers | words
lists = st.lists(values, max_size=2)
metas = st.dictionaries(
    st.sampled_from(["x", "y", "a/b", "~"]),
    values | lists | st.fixed_dictionaries({"z": values}),
    max_size=3,
)
fields = st.sampled_from(["x", "meta.x", "meta.y", "meta.x.z", "meta.a/b", "meta.~", "meta.x.z.z", "id"])


def comparison(operators, operands):
    return st.fixed_dictionaries({"field": fields, "operator": st.sampled_from(operators), "value": operands})


comparisons = (
    comparison(["==", "!="], values | lists)
    | comparison(["in", "not in"], lists)
    | comparison([">", ">=", "<", "<="], st.none() | operands | st.sampled_from(DATES))
)
filters = st.recursive(
    comparisons,
    lambda inner: st.fixed_dictionaries(
        {"operator": st.sampled_from(["AND", "OR", "NOT"]), "conditions": st.lists(inner, max_size=3)}
    ),
    max_leaves=5,
)


@given(st.lists(metas, min_size=1, max_size=8), filters)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=400)
def test_what_matches_is_what_haystack_says(document_store, given_metas, condition):
    documents = [Document(id=str(n), meta=meta) for n, meta in enumerate(given_metas)]
    try:
        expected = [document.id for document in documents if document_matches_filter(condition, document)]
    except (FilterError, TypeError):  # it compares a number with a text or a list
        assume(False)
    document_store.delete_all_documents()
    document_store.write_documents(documents)
    assert [document.id for document in document_store.filter_documents(condition)] == expected
    assert document_store.count_documents_by_filter(condition) == len(expected)


@pytest.mark.parametrize("operator", ["==", "!=", ">", ">=", "<", "<="])
def test_dates_are_compared_as_haystack_compares_them(document_store, operator):
    documents = [Document(content=date, meta={"day": date}) for date in DATES]
    document_store.write_documents(documents)
    for date in DATES:
        condition = {"field": "meta.day", "operator": operator, "value": date}
        expected = [document for document in documents if document_matches_filter(condition, document)]
        assert document_store.filter_documents(condition) == expected, date


def test_a_document_whose_value_has_no_order_does_not_match(document_store):
    document_store.write_documents([Document(content=str(n), meta={"x": n}) for n in (1, "one", [1], True)])
    condition = {"field": "meta.x", "operator": ">", "value": 0}
    assert [document.content for document in document_store.filter_documents(condition)] == ["1"]


@pytest.mark.parametrize("name", ["", "a/b", "~1", " x ", "nul\0", "👋", "\ud800", "x" * 3000, "$and"])
def test_any_name_without_a_dot_is_a_field(document_store, name):
    document_store.write_documents([Document(id="1", meta={name: name}), Document(id="2", meta={"x": name})])
    condition = {"field": f"meta.{name}", "operator": "==", "value": name}
    assert [document.id for document in document_store.filter_documents(condition)] == ["1"]


def test_fields_and_ids_that_differ_in_a_character_are_different(document_store):
    names = ["a\0", "a\ufffd"]
    document_store.write_documents(
        [Document(id=name, meta=dict.fromkeys(names[n:], n)) for n, name in enumerate(names)]
    )
    found = {
        name: document_store.filter_documents({"field": f"meta.{name}", "operator": ">=", "value": 0})
        for name in names
    }
    assert [[document.id for document in found[name]] for name in names] == [names[:1], names]
    assert document_store.get_metadata_field_unique_values(names[0]) == ([0], 1)
    assert document_store.get_metadata_field_unique_values(f"meta.{names[1]}") == ([0, 1], 2)
    document_store.delete_documents(names[1:])
    assert [document.id for document in document_store.filter_documents()] == names[:1]


@pytest.mark.parametrize("page", [{"from_": -1}, {"size": -1}])
def test_a_page_of_values_is_not_negative(document_store, page):
    with pytest.raises(agentmem.InvalidFilterError, match="must not be negative"):
        document_store.get_metadata_field_unique_values("x", **page)


def test_documents_are_found_by_their_ids(document_store):
    document_store.write_documents([Document(id=id) for id in "abc"])
    condition = {"field": "id", "operator": "in", "value": ["a", "c", "z"]}
    assert [document.id for document in document_store.filter_documents(condition)] == ["a", "c"]


@pytest.mark.parametrize("id", ["a/b", "..", " x ", "nul\0", "👋", "x" * 3000, "%"])
def test_any_id_is_found(document_store, id):
    document_store.write_documents([Document(id=id), Document(id=id + "x")])
    for operator, value in (("==", id), ("in", [id])):
        (document,) = document_store.filter_documents({"field": "id", "operator": operator, "value": value})
        assert document.id == id


@pytest.mark.parametrize(
    "condition",
    [
        "text",
        {"field": 1, "operator": "==", "value": 1},
        {"field": "content", "operator": "==", "value": "text"},
        {"field": "meta", "operator": "==", "value": {}},
        {"field": "id.x", "operator": "==", "value": 1},
        {"field": "meta.x", "operator": "=~", "value": 1},
        {"field": "meta.x", "operator": ">", "value": "2024-05"},
        {"field": "meta.x", "operator": ">", "value": True},
        {"operator": "XOR", "conditions": []},
        {"operator": "AND", "conditions": {}},
        {"operator": "AND", "conditions": ["text"]},
    ],
)
def test_what_is_no_filter_raises_and_changes_nothing(document_store, condition):
    document_store.write_documents([Document(content="text", meta={"x": 1})])
    for method in (document_store.filter_documents, document_store.delete_by_filter):
        with pytest.raises(FilterError):
            method(condition)
    assert document_store.count_documents() == 1


def test_without_a_filter_nothing_is_deleted_or_updated(document_store):
    document_store.write_documents([Document(content="text")])
    for filters in ({}, None):
        with pytest.raises(FilterError):
            document_store.delete_by_filter(filters)
        with pytest.raises(FilterError):
            document_store.update_by_filter(filters, {"x": 1})
    assert document_store.filter_documents()[0].meta == {}
