"""What goes into a journal comes back equal, of the same types, and as a new object."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck
from hypothesis import strategies as st

import agentmem
from agentmem import InvalidRecordError, MemoryStore

MIB = 1 << 20

surrogates = st.characters(categories=["Cs"])
texts = st.text(st.characters() | surrogates | st.just("\0"))
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**200), 2**200), st.floats(), texts
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
values = trees | st.binary()


def same(a: Any, b: Any) -> bool:
    """Equal in value, type, sign of zero and order of keys; NaN is NaN."""
    pairs = [(a, b)]
    while pairs:  # without recursion: values nest 500 levels
        a, b = pairs.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, dict):
            if list(a) != list(b):
                return False
            pairs += [(a[key], b[key]) for key in a]
        elif isinstance(a, list):
            if len(a) != len(b):
                return False
            pairs += zip(a, b, strict=True)
        elif isinstance(a, float):
            if not (math.isnan(a) and math.isnan(b)) and (a, math.copysign(1, a)) != (b, math.copysign(1, b)):
                return False
        elif a != b:
            return False
    return True


def nested(levels: int, wrap: Callable[[Any], Any] = lambda inner: [inner]) -> Any:
    value: Any = None
    for _ in range(levels):
        value = wrap(value)
    return value


@hypothesis.settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@hypothesis.given(value=values)
def test_any_value_comes_back(quick: MemoryStore, value: Any) -> None:
    journal = quick.journal("values")
    journal.clear()
    journal.append(value)
    journal.put("k", value)
    (logged,), (kept,) = journal.read(), journal.items()
    for found in (logged.value, kept.value, journal.get("k"), journal.get_many(["k"])["k"].value):
        assert same(found, value)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, "", b"", [], {}, "\0", b"\0", "\ud800", "\udfff"),
        *("\ud83d\ude00", "\U0001f600", "\u2028", '"\\/', "\x7f\x1b[0m", "e\u0301", "\ufeff", " "),
        *(
            math.nan,
            math.inf,
            -math.inf,
            5e-324,
            1.7976931348623157e308,
            0.1,
            1e22,
            1e16,
            123456789.123456789,
        ),
        *(2**53 + 1, 2**63, 2**64, -(2**64), 10**5000, -(10**5000)),
        *("NaN", "null", "1", b"null", {"": None}, {"\0": 1, "\ud800": 2}, [[], {}, [{}]]),
        *({"b": 1, "a": 2}, {"__proto__": 1, "__type__": "bytes"}, [1, 1.0, True], {"$bytes": "eA=="}),
        bytes(range(256)),
        nested(500),
        nested(500, lambda inner: {"deeper": inner}),
        "x" * MIB,
        b"\xff" * MIB,
    ],
    ids=lambda value: ascii(value)[:30] if not isinstance(value, int) else f"int {value.bit_length()} bits",
)
def test_a_value_that_others_lose(quick: MemoryStore, value: Any) -> None:
    """JSON, YAML, UTF-8, 64 bits or a recursion limit would change or refuse these."""
    journal = quick.journal("values")
    journal.append(value)
    (entry,) = journal.read()
    assert same(entry.value, value)


def test_values_survive_reopening_and_other_processes(path: Path) -> None:
    value = {"n": 2**70, "s": "\ud800", "x": [math.inf, None, {"deep": True}]}
    with agentmem.open(path) as store:
        store.journal("log").append(value)
    script = "import agentmem, sys; print(ascii(agentmem.open(sys.argv[1]).journal('log').read()[0].value))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == ascii(value)


def test_a_value_is_a_new_object(quick: MemoryStore) -> None:
    """What is changed afterwards is not what was written."""
    journal = quick.journal("values")
    given: dict[str, Any] = {"list": [1]}
    journal.put("k", given)
    given["list"].append(2)
    one, two = journal.get("k"), journal.get("k")
    assert one == two == {"list": [1]}
    one["list"].append(3)
    assert journal.get("k") == two


def test_one_value_twice_in_a_nesting_is_no_cycle(quick: MemoryStore) -> None:
    part = [1]
    quick.journal("values").append([part, part, {"again": part}])
    assert quick.journal("values").read()[0].value == [[1], [1], {"again": [1]}]


@dataclass
class Thing:
    n: int = 1


def cycle(kind: type) -> Any:
    value: Any = kind()
    if kind is list:
        value.append({"again": [value]})
    else:
        value["again"] = [value]
    return value


BAD: dict[str, Any] = {
    "a tuple": (1, 2),
    "a tuple inside": {"a": [(1,)]},
    "a set": {1, 2},
    "a frozenset": frozenset([1]),
    "a bytearray": bytearray(b"x"),
    "a memoryview": memoryview(b"x"),
    "bytes inside": {"a": b"x"},
    "a complex number": 1j,
    "a decimal": Decimal(1),
    "a date": datetime(2024, 1, 1),
    "a dataclass": Thing(),
    "an object": object(),
    "a generator": (n for n in range(3)),
    "a class": dict,
    "a path": Path("x"),
    "an ellipsis": ...,
    "a key that is a number": {1: "x"},
    "a key that is None": {None: "x"},
    "a key that is a boolean": {True: "x"},
    "a key that is bytes": {b"x": 1},
    "a key that is a tuple, inside": [{"a": {(1,): 1}}],
    "a list in itself": cycle(list),
    "a dict in itself": cycle(dict),
    "501 lists": nested(501),
    "501 dicts": nested(501, lambda inner: {"deeper": inner}),
    "100,000 levels": nested(100_000),
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_what_would_not_come_back_equal_is_refused(quick: MemoryStore, value: Any) -> None:
    """Bytes are a value, not a part of one."""
    journal = quick.journal("values")
    journal.put("k", "before")
    for write in (
        lambda: journal.append(value),
        lambda: journal.extend(["fine", value]),
        lambda: journal.put("k", value),
    ):
        with pytest.raises(InvalidRecordError):
            write()
    assert journal.read() == []
    assert journal.get("k") == "before"


def test_the_message_says_where(quick: MemoryStore) -> None:
    with pytest.raises(InvalidRecordError, match=r'\["a"\]\[1\].*set'):
        quick.journal("values").append({"a": [1, {2}]})


def test_a_value_may_take_64_mib_and_no_more(quick: MemoryStore) -> None:
    journal = quick.journal("values")
    journal.append(bytes(64 * MIB))
    assert len(journal.pop().value) == 64 * MIB
    for value in (bytes(64 * MIB + 1), "x" * (64 * MIB + 1), ["x" * (40 * MIB)] * 2):
        with pytest.raises(InvalidRecordError, match="64"):
            journal.append(value)
    assert journal.read() == []
