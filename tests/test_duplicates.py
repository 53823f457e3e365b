"""Not twice: stable ids of texts, `on_conflict`, and groups of records that say the same."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import agentmem
from agentmem import InvalidFilterError, InvalidRecordError, MemoryStore
from agentmem.cli import cli

# Ids of texts


def test_the_same_text_scope_and_source_have_one_id() -> None:
    assert (
        agentmem.text_id("x") == agentmem.text_id("x", "/") == agentmem.text_id("x", scope="/", source=None)
    )
    assert agentmem.text_id("x", "/a") == agentmem.text_id("x", "a") == agentmem.text_id("x", "/a/")


def test_whatever_differs_has_another_id() -> None:
    given = [
        *(("x",), ("X",), ("x ",), ("",), ("é",), ("e\u0301",), ("x/a",), ("xy",)),
        *(
            ("x", "/a"),
            ("x", "/a/b"),
            ("x", "/", "a"),
            ("x", "/a", "a"),
            ("x", "/", "/a"),
            ("xa", "/"),
            ("x", "/", "y"),
        ),
    ]
    assert len({agentmem.text_id(*arguments) for arguments in given}) == len(given)


def test_it_is_an_id_and_stable_between_processes(quick: MemoryStore) -> None:
    id = agentmem.text_id("Alice prefers email.", "/user", "me")
    assert quick.add("Alice prefers email.", id=id, scope="/user", source="me") == id
    script = "import agentmem; print(agentmem.text_id('Alice prefers email.', '/user', 'me'))"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == id


@pytest.mark.parametrize(
    "arguments", [(5,), (None,), ("\ud800",), ("x", "/.."), ("x", 5), ("x", "/", 5)], ids=ascii
)
def test_bad_texts(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidRecordError):
        agentmem.text_id(*arguments)


# on_conflict


def test_skip_leaves_what_is_there(quick: MemoryStore) -> None:
    assert quick.add("old", id="a", metadata={"n": 1}) == "a"
    before = quick.list()
    assert quick.add("new", id="a", on_conflict="skip") == "a"
    assert quick.list() == before
    assert [record.version for record in quick.list()] == [record.version for record in before]
    assert quick.add("new", id="b", on_conflict="skip") == "b"
    assert quick.add("no id", on_conflict="skip") not in ("a", "b")
    assert quick.count() == 3


def test_skip_in_a_list(quick: MemoryStore) -> None:
    """The ids of all come back, in their order; of one id twice the first is written."""
    quick.add("old", id="a")
    items = [{"content": content, "id": id} for content, id in [("1", "a"), ("2", "b"), ("3", "b")]]
    assert quick.add_many(items, on_conflict="skip") == ["a", "b", "b"]
    assert {record.id: record.content for record in quick.list()} == {"a": "old", "b": "2"}


def test_fail_is_the_default(quick: MemoryStore) -> None:
    quick.add("old", id="a")
    for write in (
        lambda: quick.add("new", id="a"),
        lambda: quick.add("new", id="a", on_conflict="fail"),
        lambda: quick.add_many(["x", {"content": "new", "id": "a"}], on_conflict="fail"),
    ):
        with pytest.raises(agentmem.DuplicateIdError) as caught:
            write()
        assert caught.value.id == "a"
    assert quick.count() == 1


@pytest.mark.parametrize("wrong", ["merge", "", 5, None, True])
def test_bad_conflicts(quick: MemoryStore, wrong: Any) -> None:
    for write in (
        lambda: quick.add("x", on_conflict=wrong),
        lambda: quick.add_many(["x"], on_conflict=wrong),
    ):
        with pytest.raises(ValueError, match="on_conflict"):
            write()
    assert quick.count() == 0


# Groups


@pytest.fixture
def repeated(quick: MemoryStore) -> MemoryStore:
    """Twice the same in /a, once in /b, and with another mark at its end in /a."""
    for id, content, scope, date in [
        ("late", "Alice prefers email over phone.", "/a", "2024-03-01"),
        ("early", "Alice prefers email over phone.", "/a", "2024-01-01"),
        ("elsewhere", "Alice prefers email over phone.", "/b", "2023-01-01"),
        ("near", "Alice prefers email over phone!", "/a", "2024-02-01"),
        ("other", "Lunch is at noon.", "/a", "2024-01-01"),
        ("below", "Lunch is at noon.", "/a/b", "2024-01-02"),
    ]:
        quick.add(content, id=id, scope=scope, created_at=date)
    return quick


def groups(store: MemoryStore, *args: Any, **kwargs: Any) -> list[list[str]]:
    return [[record.id for record in group] for group in store.duplicates(*args, **kwargs)]


def test_identical_texts_of_one_scope(repeated: MemoryStore) -> None:
    """Oldest first. Another scope, be it below, is another place."""
    assert groups(repeated) == groups(repeated, 1.0) == [["early", "late"]]
    assert groups(repeated, scope="/b") == []
    repeated.add("Lunch is at noon.", scope="/a", id="again", created_at="2025-01-01")
    assert sorted(groups(repeated)) == [["early", "late"], ["other", "again"]]
    assert len(groups(repeated, limit=1)) == 1
    assert groups(repeated, limit=0) == []


def test_identical_is_to_the_letter(quick: MemoryStore) -> None:
    quick.add_many(["Apple", "apple", "apple ", "apples", "apple."])
    assert groups(quick) == []


def test_texts_that_are_alike(repeated: MemoryStore) -> None:
    """Below 1.0 the TF-IDF cosine decides."""
    assert groups(repeated, 0.9) == groups(repeated, min_score=0.9) == [["early", "near", "late"]]
    assert groups(repeated, 0.9, until="2024-02-15") == [["early", "near"]]


def test_filters_and_privacy(repeated: MemoryStore) -> None:
    """A private record and a public one are no duplicates: deleting either would take something away."""
    repeated.update("late", private=True, source="me")
    assert groups(repeated) == groups(repeated, source="me") == groups(repeated, include_private=True) == []
    repeated.update("early", private=True, source="me")
    assert groups(repeated) == groups(repeated, source="you") == []
    assert groups(repeated, source="me") == groups(repeated, include_private=True) == [["early", "late"]]
    assert groups(repeated, source="me", where={"k": 1}) == []
    assert groups(repeated, ids=["late", "other"], include_private=True) == []


def test_records_without_words_are_no_duplicates_by_likeness(quick: MemoryStore) -> None:
    """Identical ones are: the same nothing, twice."""
    quick.add_many(["", "", " "])
    assert [len(group) for group in groups(quick)] == [2]
    assert all(len(group) == 2 for group in groups(quick, 0.5))


@pytest.mark.parametrize(
    "arguments",
    [
        *({"min_score": -0.1}, {"min_score": 1.1}, {"min_score": float("nan")}, {"min_score": "high"}),
        *({"min_score": True}, {"limit": -1}, {"limit": "1"}, {"limit": 1.5}, {"scope": "/.."}),
    ],
    ids=str,
)
def test_bad_input(repeated: MemoryStore, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidFilterError):
        repeated.duplicates(**arguments)


def test_many_of_them(quick: MemoryStore) -> None:
    quick.add_many({"content": f"text {n % 1000}", "id": str(n)} for n in range(3000))
    assert len(quick.duplicates()) == 100
    found = groups(quick, limit=5000)
    assert len(found) == 1000
    assert {len(group) for group in found} == {3}


# The command


def dedupe(path: str, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["dedupe", *arguments, "--path", path])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.stdout


def test_the_command_shows_groups_and_changes_nothing(repeated: MemoryStore) -> None:
    shown = dedupe(repeated.path)
    assert "early" in shown
    assert "late" in shown
    assert "other" not in shown
    ((first, second),) = json.loads(dedupe(repeated.path, "--json"))
    assert (first["id"], second["id"]) == ("early", "late")
    assert len(json.loads(dedupe(repeated.path, "--json", "--min-score", "0.9"))[0]) == 3
    assert json.loads(dedupe(repeated.path, "--json", "--scope", "/b")) == []
    assert repeated.count() == 6
    dedupe(repeated.path, "--min-score", "high", code=2)


def test_the_command_keeps_the_oldest(repeated: MemoryStore) -> None:
    dedupe(repeated.path, "--delete", "--yes")
    assert {record.id for record in repeated.list()} == {"early", "elsewhere", "near", "other", "below"}
    assert repeated.duplicates() == []


def test_the_command_asks_before_it_deletes(repeated: MemoryStore) -> None:
    """As `delete` and `reset` do."""
    result = CliRunner().invoke(cli, ["dedupe", "--delete", "--path", repeated.path], input="n\n")
    assert result.exit_code == 1
    assert repeated.count() == 6


def test_text_ids_make_an_import_idempotent(quick: MemoryStore, tmp_path: Path) -> None:
    """The way of an importer: digests as ids, and "skip"."""
    texts = ["one", "two", "one"]
    for _ in range(2):
        quick.add_many(
            [{"content": text, "id": agentmem.text_id(text)} for text in texts], on_conflict="skip"
        )
    assert sorted(record.content for record in quick.list()) == ["one", "two"]
    out = io.BytesIO()
    assert quick.export(out) == 2
