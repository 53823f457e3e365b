"""What commands print: messages, JSON, fields of one thing, rows of many. Everything is escaped here."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from agentmem._excerpt import excerpt
from agentmem._matching_words import matching_words
from agentmem.cli.terminal import console, draws, escape, one_line, shows_styles
from agentmem.types import Hit, Record

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

# A column of text that is narrower than this is tiresome to read.
_NARROWEST_TEXT = 40
_LONGEST_CELL = 300
# How many characters the bar of a score of 1 has.
_BAR = 6


def say(message: str, *, err: bool = False) -> None:
    """Print one line for people, to stdout or stderr."""
    click.echo(one_line(message), err=err)


def print_text(text: str, *, err: bool = False) -> None:
    """Print lines, to stdout or stderr."""
    click.echo(escape(text), err=err)


def print_lines(lines: Sequence[str], if_none: str) -> None:
    """Print each line; on a terminal, `if_none` if there are none."""
    for line in lines:
        say(line)
    if not lines and sys.stdout.isatty():
        say(if_none)


def marks_words() -> bool:
    """Whether what is printed shows marked words."""
    return shows_styles(sys.stdout)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, which is UTF-8: if the output has another encoding, ASCII."""
    others = codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8"
    click.echo(escape(json.dumps(value, ensure_ascii=others)))


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
    below: Sequence[str] = (),
    marked: Sequence[frozenset[str]] = (),
) -> None:
    """Print rows that have a column that names the row, and one with a long text, among others.

    On a wide terminal this is a table. On one where the text would have too little room, and where there are
    columns that belong `below` the text, each row is a line with all other cells, and these are indented
    under it. In a pipe, each row is one line with tabs between the cells, whole. `marked` has the terms of
    each row whose words stand out in the text.
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row))
    elif not rows:
        click.echo(if_none)
    else:
        shown = [[shortened(cell) for cell in row] for row in rows]
        texts = _marked([row[headings.index(text)] for row in shown], marked)
        _print_on_terminal(headings, shown, texts, headings.index(key), headings.index(text), below)


def _print_on_terminal(
    headings: Sequence[str],
    rows: list[list[str]],
    texts: list[Text],
    key: int,
    text: int,
    below: Sequence[str],
) -> None:
    from rich.cells import cell_len

    out = console()
    cells = [row[:text] + row[text + 1 :] for row in (list(headings), *rows)]
    others = sum(max(map(cell_len, column)) + 2 for column in zip(*cells, strict=True))
    if not below and others + _NARROWEST_TEXT <= out.width:
        out.print(_table(headings, rows, texts, text))
    else:
        out.print(_blocks(rows, texts, key, {text, *map(headings.index, below)}))


def _marked(texts: list[str], marked: Sequence[frozenset[str]]) -> list[Text]:
    """The texts, with the words of their terms in bold."""
    from rich.text import Text

    made = [Text(text, overflow="fold") for text in texts]
    for text, terms in zip(made, marked, strict=False):
        for start, end in matching_words(text.plain, terms):
            text.stylize("bold", start, end)
    return made


def _table(headings: Sequence[str], rows: list[list[str]], texts: list[Text], text: int) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for at, heading in enumerate(headings):
        table.add_column(heading, no_wrap=at != text, overflow="fold")
    for row, long in zip(rows, texts, strict=True):
        table.add_row(*(long if at == text else Text(cell) for at, cell in enumerate(row)))
    return table


def _blocks(rows: list[list[str]], texts: list[Text], key: int, indented: set[int]) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    blocks: list[RenderableType] = []
    for row, long in zip(rows, texts, strict=True):
        cells = (Text(cell, "bold" if at == key else "") for at, cell in enumerate(row) if at not in indented)
        blocks.append(Text("  ", overflow="fold").join(cells))
        blocks.append(Padding(long, (0, 0, 0, 2)))
        rest = sorted(indented)[1:]
        blocks += [Padding(Text(row[at], "dim", overflow="fold"), (0, 0, 0, 2)) for at in rest]
    return Group(*blocks)


def score_cell(score: float) -> str:
    """A score with three decimals; on a terminal with two, behind a bar."""
    if not draws(sys.stdout):
        return f"{score:.3f}"
    eighths = round(score * 8 * _BAR)
    bar = "█" * (eighths // 8) + (chr(0x2590 - eighths % 8) if eighths % 8 else "")
    return f"{bar.ljust(_BAR)} {score:.2f}"


def shortened(text: str) -> str:
    """The beginning of a long text, with an ellipsis."""
    return excerpt(text, 0, _LONGEST_CELL, blank="")


def counted(count: int) -> str:
    """The count with its noun: "1 record", "3,000 records"."""
    return "1 record" if count == 1 else f"{count:,} records"


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
