"""What commands print: messages, JSON, fields of one thing, rows of many. Everything is escaped here."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from agentmem.cli.terminal import console, escape, one_line, shows_styles
from agentmem.types import Hit, Record

if TYPE_CHECKING:
    from rich.console import RenderableType

# A column of text that is narrower than this is tiresome to read.
_NARROWEST_TEXT = 40
_LONGEST_CELL = 300


def say(message: str, *, err: bool = False) -> None:
    """Print one line for people, to stdout or stderr."""
    click.echo(one_line(message), err=err)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    click.echo(escape(json.dumps(value, ensure_ascii=False)))


def print_fields(fields: dict[str, Any]) -> None:
    """Print one field a line; further lines of a value are indented to its column."""
    width = max(map(len, fields))
    bold = shows_styles(sys.stdout)
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        label = name.ljust(width)
        indented = escape(text).replace("\n", "\n" + " " * (width + 2))
        click.echo(f"{click.style(label, bold=True) if bold else label}  {indented}")


def print_rows(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    if_none: str,
    *,
    key: str = "id",
    text: str = "content",
) -> None:
    """Print rows that have a column that names the row, and one with a long text, among others.

    On a wide terminal this is a table. On one where the text would have too little room, each row is a
    line with all but the text, and the text indented below. In a pipe, each row is one line with tabs
    between the cells, whole.
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row))
    elif not rows:
        click.echo(if_none)
    else:
        shown = [[shortened(cell) for cell in row] for row in rows]
        _print_on_terminal(headings, shown, headings.index(key), headings.index(text))


def _print_on_terminal(headings: Sequence[str], rows: list[list[str]], key: int, text: int) -> None:
    from rich.cells import cell_len

    out = console()
    cells = [row[:text] + row[text + 1 :] for row in (list(headings), *rows)]
    others = sum(max(map(cell_len, column)) + 2 for column in zip(*cells, strict=True))
    as_table = others + _NARROWEST_TEXT <= out.width
    out.print(_table(headings, rows, text) if as_table else _blocks(rows, key, text))


def _table(headings: Sequence[str], rows: list[list[str]], text: int) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for at, heading in enumerate(headings):
        table.add_column(heading, no_wrap=at != text, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _blocks(rows: list[list[str]], key: int, text: int) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    blocks: list[RenderableType] = []
    for row in rows:
        cells = (Text(cell, "bold" if at == key else "") for at, cell in enumerate(row) if at != text)
        blocks.append(Text("  ", overflow="fold").join(cells))
        blocks.append(Padding(Text(row[text], overflow="fold"), (0, 0, 0, 2)))
    return Group(*blocks)


def shortened(text: str) -> str:
    """The beginning of a long text, with an ellipsis."""
    return text if len(text) <= _LONGEST_CELL else text[:_LONGEST_CELL] + "…"


def counted(count: int) -> str:
    """The count with its noun: "1 record", "3 records"."""
    return "1 record" if count == 1 else f"{count} records"


def record_fields(record: Record) -> dict[str, Any]:
    """The fields of a record as JSON values."""
    fields: dict[str, Any] = json.loads(record.to_json())
    return fields


def hit_fields(hit: Hit) -> dict[str, Any]:
    """A hit as JSON values."""
    passage = {"passage": list(hit.passage)} if hit.passage else {}
    return {"score": hit.score, "explain": hit.explain, **passage, "record": record_fields(hit.record)}


def local_time(moment: datetime) -> str:
    """The moment in the local time zone, to the minute; in UTC if that has no such year."""
    try:
        return moment.astimezone().strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return moment.strftime("%Y-%m-%d %H:%M")
