"""Values in journals come back as they were, or are refused with their place."""

import enum
import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

import agentmem
from agentmem.crewai._values import UnsupportedValueError, decode, encode, encode_fields


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Address(BaseModel):
    model_config = ConfigDict(extra="allow")
    town: str = Field(alias="city")
    since: date


class Person(BaseModel):
    address: Address
    level: Level
    tags: set[str]


ADDRESS = Address(city="Ulm", since=date(2020, 2, 29), note=("x", 1))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.none() | st.just(timezone.utc)),
    st.timedeltas(),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.sampled_from([Colour.RED, Level.HIGH, Access.READ, Access.READ | Access.WRITE, Access(0)]),
)
values = st.recursive(
    scalars | st.just(ADDRESS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(scalars, max_size=4),
        st.frozensets(scalars, max_size=4),
        st.dictionaries(st.text() | st.just("$type"), inner, max_size=4),
        st.dictionaries(scalars, inner, max_size=4),
    ),
    max_leaves=20,
)


def shape(value):
    """The types in a value, which `==` does not compare."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, (list, tuple)) else type(value)


@given(values)
def test_values_come_back_as_they_were(value):
    found = decode(encode(value))
    assert found == value
    assert shape(found) == shape(value)


@given(values)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journal_keeps_them(values_store, value):
    journal = values_store.journal("values")
    journal.append(encode(value))
    assert decode(journal.pop().value) == value


@pytest.fixture(scope="module")
def values_store(tmp_path_factory):
    with agentmem.open(tmp_path_factory.mktemp("values") / "a.db", durability="normal") as store:
        yield store


def test_models_keep_aliases_extra_fields_and_nested_models():
    person = Person(address=ADDRESS, level=Level.HIGH, tags={"a"})
    assert decode(encode([person])) == [person]
    assert decode(encode(ADDRESS)).note == ("x", 1)


def test_numbers_that_json_lacks_come_back():
    found = decode(encode([math.nan, math.inf, 2**100, Decimal("NaN"), -0.0]))
    assert math.isnan(found[0])
    assert found[1:3] == [math.inf, 2**100]
    assert found[3].is_nan()
    assert math.copysign(1, found[4]) == -1


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, object()]}, r"a\[1\] is a builtins.object"),
        ({"a": {"b": {1, 2, complex}}}, r"a\.b\[\d\] is a builtins.type"),
        (lambda: None, "it is a builtins.function"),
        ({"x": {object(): 1}}, r"x\.key <object"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_place(value, place):
    with pytest.raises(UnsupportedValueError, match=place):
        encode(value)


def test_cycles_are_refused():
    value = []
    value.append(value)
    with pytest.raises(UnsupportedValueError, match="is it in a cycle"):
        encode(value)


def test_a_class_inside_a_function_is_refused_unless_validation_makes_it_again():
    class Inner(BaseModel):
        n: int

    class Outer(BaseModel):
        inner: Inner

    with pytest.raises(UnsupportedValueError, match="define the class at the top of a module"):
        encode({"inner": Inner(n=1)})
    outer = Outer(inner=Inner(n=1))
    assert Outer.model_validate(decode(encode_fields(outer))) == outer


def test_reading_imports_nothing():
    value = {"$type": "model", "class": "antigravity:Model", "fields": {}}
    with pytest.raises(ValueError, match="import antigravity before reading it"):
        decode(value)


@pytest.mark.parametrize("name", ["os:path", "os:system", "builtins:dict", "decimal:Decimal.missing"])
def test_only_models_and_enums_are_made(name):
    with pytest.raises(ValueError, match="has no such class any more"):
        decode({"$type": "model", "class": name, "fields": {}})


def test_a_value_of_a_newer_version_is_refused():
    with pytest.raises(ValueError, match="upgrade agentmem"):
        decode({"$type": "hologram"})


def test_plain_values_are_stored_plainly():
    plain = {"a": [1, 2.5, "x", None, True], "b": {"c": {}}}
    assert encode(plain) == plain


def test_what_is_written_today_can_be_read_for_ever():
    written = {
        "when": {"$type": "datetime", "text": "2026-11-30T12:00:00+00:00"},
        "day": {"$type": "date", "text": "2026-11-30"},
        "at": {"$type": "time", "text": "12:00:00"},
        "for": {"$type": "timedelta", "text": "1 2 3"},
        "id": {"$type": "UUID", "text": "12345678-1234-5678-1234-567812345678"},
        "price": {"$type": "Decimal", "text": "1.50"},
        "raw": {"$type": "bytes", "text": "AAE="},
        "pair": {"$type": "tuple", "items": [1, 2]},
        "map": {"$type": "dict", "items": [[1, "one"]]},
        "colour": {"$type": "enum", "class": f"{__name__}:Colour", "name": "RED"},
    }
    value = {
        "when": datetime(2026, 11, 30, 12, tzinfo=timezone.utc),
        "day": date(2026, 11, 30),
        "at": time(12),
        "for": timedelta(1, 2, 3),
        "id": UUID(int=0x12345678123456781234567812345678),
        "price": Decimal("1.50"),
        "raw": b"\0\1",
        "pair": (1, 2),
        "map": {1: "one"},
        "colour": Colour.RED,
    }
    assert decode(written) == value
    assert encode(value) == written
