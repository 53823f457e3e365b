"""`agentmem import markdown`: notes come into a store, passage by passage."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from exports import fingerprint
from hypothesis import given
from hypothesis import strategies as st

from agentmem.importers.note import parse_note
from agentmem.importers.programs import import_program

TEA = """---
title: Tea
tags: [drinks, "green, tea"]
created: 2024-05-01
rating: 4.5  # of five
draft: false
aliases:
  - chai
  - 茶
summary: >
  All about
  tea.
source: 'it''s mine'
---
What I know about tea.

# Kinds

## Oolong

Half oxidised.

```sh
# this is no heading
```

## Green

## Green

Steamed: or pan-fired.

# Kinds

Again.
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "drinks" / ".obsidian").mkdir(parents=True)
    (folder / "drinks" / "tea.md").write_text(TEA, encoding="utf-8")
    (folder / "plain.markdown").write_bytes(b"\xef\xbb\xbfJust text \xff.\r\nMore.\r\n")
    (folder / "drinks" / ".obsidian" / "x.md").write_text("hidden")
    (folder / "empty.md").write_text("")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    os.utime(folder / "plain.markdown", (1_700_000_000, 1_700_000_000))
    return folder


def test_passages_come_in_with_the_front_matter(notes, quick):
    before = fingerprint(notes)
    report = import_program(quick, "markdown", notes)
    assert (report.added, report.broken, report.problems) == (5, 0, [])
    found = {tuple(record.metadata["headings"]): record for record in quick.list(scope="/notes/notes/drinks")}
    assert found.keys() == {(), ("Kinds", "Oolong"), ("Kinds", "Green"), ("Kinds",)}
    oolong = found[("Kinds", "Oolong")]
    assert oolong.content == "## Oolong\n\nHalf oxidised.\n\n```sh\n# this is no heading\n```"
    assert oolong.metadata == {
        "title": "Tea",
        "tags": ["drinks", "green, tea"],
        "created": "2024-05-01",
        "rating": 4.5,
        "draft": False,
        "aliases": ["chai", "茶"],
        "summary": "All about tea.",
        "source": "it's mine",
        "path": "notes/drinks/tea.md",
        "headings": ["Kinds", "Oolong"],
    }
    assert list(oolong.categories) == ["drinks", "green, tea"]
    assert oolong.created_at == datetime(2024, 5, 1, tzinfo=timezone.utc)
    (plain,) = (record for record in quick.list() if record.scope == "/notes/notes")
    assert plain.content == "Just text \ufffd.\nMore."
    assert plain.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    assert plain.metadata["title"] == "plain"
    assert fingerprint(notes) == before


def test_a_part_of_the_folder_has_the_same_ids(notes, quick):
    import_program(quick, "markdown", notes)
    assert import_program(quick, "markdown", notes / "drinks").known == 4
    assert import_program(quick, "markdown", notes / "drinks" / "tea.md").known == 4


def test_a_link_to_the_folder_has_the_same_ids(notes, quick, tmp_path):
    import_program(quick, "markdown", notes)
    (tmp_path / "link").symlink_to(notes, target_is_directory=True)
    assert import_program(quick, "markdown", tmp_path / "link").known == 5


def test_notes_of_the_same_name_do_not_hide_each_other(quick, tmp_path):
    for parent in ("a", "b"):
        (tmp_path / parent / "notes").mkdir(parents=True)
        (tmp_path / parent / "notes" / "README.md").write_text(f"from {parent}")
        assert import_program(quick, "markdown", tmp_path / parent / "notes").added == 1


def test_an_edited_passage_is_replaced_on_request(notes, quick):
    import_program(quick, "markdown", notes)
    note = notes / "drinks" / "tea.md"
    note.write_text(note.read_text(encoding="utf-8").replace("Half", "Partly"), encoding="utf-8")
    report = import_program(quick, "markdown", notes, replace=True)
    assert (report.added, report.replaced, report.known) == (0, 1, 4)
    assert quick.count() == 5


def test_a_note_that_cannot_be_read_does_not_stop_the_others(notes, quick):
    (notes / "gone.md").symlink_to(notes / "nowhere.md")
    report = import_program(quick, "markdown", notes)
    assert (report.added, report.broken) == (5, 1)
    assert "gone.md" in report.problems[0]


@pytest.mark.parametrize(
    ("front", "metadata"),
    [
        ("a: 1\nb: -2\nc: 1e3\nd: 1.5.2", {"a": 1, "b": -2, "c": 1000.0, "d": "1.5.2"}),
        ("a: null\nb:\nc: ~\nd: ''", {"a": None, "b": None, "c": None, "d": ""}),
        ("a: http://x.org/#b\nb: x # y", {"a": "http://x.org/#b", "b": "x"}),
        ('a: "x: \\"y\\"\\n"\n"b c": 2', {"a": 'x: "y"\n', "b c": 2}),
        ("a: []\nb: [x, [y]]\nc:\n- 1\n- two", {"a": [], "b": ["x", "[y]"], "c": [1, "two"]}),
        ("a: |\n  one\n  two\nb:\n  c: 1\n  d: 2", {"a": "one\ntwo", "b": "c: 1\nd: 2"}),
        ("# comment\nno field\n: x\na: " + "9" * 5000, {"a": "9" * 5000}),
    ],
)
def test_front_matter(front, metadata):
    assert parse_note(f"---\n{front}\n---\ntext").metadata == metadata


def test_a_rule_is_no_front_matter():
    for text in ("---\nnot closed\n# One\n\ntext", "x\n---\na: 1\n---\n"):
        assert parse_note(text).metadata == {}
    assert parse_note("---\nnot closed\n# One\n\ntext").passages[-1].headings == ("One",)


def test_an_underlined_line_is_a_heading():
    text = "Tea\n===\nGreen.\n\nBrewing\n---\nTwo minutes.\n# Milk\nNever"
    passages = [(passage.headings, passage.text) for passage in parse_note(text).passages]
    assert passages == [
        (("Tea",), "Tea\n===\nGreen."),
        (("Tea", "Brewing"), "Brewing\n---\nTwo minutes."),
        (("Milk",), "# Milk\nNever"),
    ]


@pytest.mark.parametrize(
    "text", ["a\n\n---\nb", "- a\n---\nb", "a\nb\n---\nc", "```\na\n---\n```", "|a|\n---\nb"]
)
def test_a_rule_is_no_heading(text):
    (passage,) = parse_note(text).passages
    assert (passage.headings, passage.text) == ((), text)


@given(st.text(st.sampled_from("#=-:`~ \n\t[]\"'|>ab1.,\\"), max_size=80))
def test_no_text_is_lost_and_none_is_refused(text):
    note = parse_note(text)
    kept = "".join(passage.text for passage in note.passages)
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        assert {word for word in text if word in "ab1"} <= set(kept + "".join(_headings(text)))


def _headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]
