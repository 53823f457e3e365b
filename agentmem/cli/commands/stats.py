"""`agentmem stats`: sizes and counters of a store."""

from __future__ import annotations

import click

from agentmem.cli.options import json_option, open_store, path_option, space_option
from agentmem.cli.output import counted, print_json, say
from agentmem.types import Stats


@click.command("stats")
@path_option
@space_option
@json_option
def command(path: str, scope: str | None, as_json: bool) -> None:
    """Say how many records the store holds and how much space it uses. --json has all counters."""
    with open_store(path) as store:
        stats = store.stats(scope=scope)
    if as_json:
        print_json(stats.to_dict())
    else:
        for sentence in sentences(stats):
            say(sentence)


def sentences(stats: Stats) -> list[str]:
    """What the numbers say."""
    index = (
        f"{_size(stats.index_disk_bytes)} of index files" if stats.index_disk_bytes else "no index files yet"
    )
    waiting = f"; {counted(stats.memtable_records)} will be in the next one" if stats.memtable_records else ""
    lines = [
        f"{stats.path} holds {counted(stats.records)} with {stats.terms:,} terms.",
        f"It has {_count(stats.journals, 'journal')} with {_count(stats.entries, 'entry', 'entries')}.",
        f"On disk it takes {_size(stats.disk_bytes)}, and {index}{waiting}.",
        f"The index has {_size(stats.memory_bytes)} of memory; processes share {_size(stats.mapped_bytes)}.",
        f"Its schema has version {stats.schema_version}.",
    ]
    if stats.index_invalidated:
        lines.append("The index files were damaged, or belonged to another store. They are built again.")
    return lines


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _size(size: float) -> str:
    """Bytes in the unit that people would take."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
