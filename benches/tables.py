"""The tables of the benchmarks in Markdown, from what their results hold.

    python benches/tables.py

It writes them into the pages of the documentation, each between `<!-- table: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import systems
from scaling import MIXES

ROOT = Path(__file__).parent.parent
PAGES = ("numbers/quality.md", "numbers/speed.md", "numbers/postgresql.md")
PAGES += ("explanation/comparison.md", "explanation/scaling.md")
KINDS = ("short", "long", "rare")

Found = dict[str, Any]
"""What was measured, by system, by set, or by property."""


def _digits(value: float, count: int) -> str:
    """A number with so many digits that count, never as a power of ten."""
    rounded = float(f"{value:.{count}g}")
    return f"{rounded:,.0f}" if rounded >= 10 ** (count - 1) else f"{rounded:.{count}g}"


# quality.py


def quality(sets: Found) -> str:
    """All metrics, and how reliable the scores are."""
    metrics = next(iter(next(iter(sets.values()))["systems"].values()))
    parts = [f"{metric}:\n\n{metric_table(sets, metric)}" for metric in metrics]
    return "\n\n".join([*parts, reliability_table(sets)])


def metric_table(sets: Found, metric: str = "nDCG@10") -> str:
    """One metric of each system on each set."""
    ways = list(max((found["systems"] for found in sets.values()), key=len))
    chance = 0.05 / sum(len(found["against"]) for found in sets.values())
    rows = [
        [name, str(found["queries"]), *_cells(found, ways, metric, chance)] for name, found in sets.items()
    ]
    return systems.table(["set", "queries", *ways], rows)


def _cells(found: Found, ways: list[str], metric: str, chance: float) -> list[str]:
    """The best is bold; a star marks an nDCG@10 other than the default mode's by more than chance."""
    values = {way: round(found["systems"][way][metric], 3) for way in ways if way in found["systems"]}
    cells = []
    for way in ways:
        if way not in values:
            cells.append("")
            continue
        cell = f"{values[way]:.3f}".removeprefix("0")
        cell = f"**{cell}**" if values[way] == max(values.values()) else cell
        against = found["against"].get(way)
        cells.append(cell + (" *" if metric == "nDCG@10" and against and against["p"] < chance else ""))
    return cells


def reliability_table(sets: Found) -> str:
    """AUC, ECE and alarm of each system."""
    ways = list(max((found["systems"] for found in sets.values()), key=len))
    rows = []
    for name, found in sets.items():
        measured = [found["reliability"].get(way, {}) for way in ways]
        rows.append([name, *(" / ".join(f"{value:.2f}" for value in one.values()) for one in measured)])
    return systems.table(["AUC / ECE / alarm", *ways], rows)


# speed.py


def search_table(measured: Found) -> str:
    """Milliseconds of searches."""
    rows = [
        [
            name,
            *(" / ".join(_digits(values[kind][part], 3) for part in ("p50", "p95", "cpu")) for kind in KINDS),
        ]
        for name, values in measured.items()
        if "short" in values
    ]
    return systems.table(["p50 / p95 / cpu, ms", *KINDS], rows)


def ratio_table(ratios: Found) -> str:
    """A peer's time over agentmem's."""
    peers = list(next(iter(ratios.values())))
    rows = [
        [way, *(" / ".join(_digits(found[peer][kind], 2) for kind in KINDS) for peer in peers)]
        for way, found in ratios.items()
    ]
    return systems.table(["times as fast: short / long / rare", *peers], rows)


def cost_table(measured: Found) -> str:
    """Adds, opening, memory and disk."""
    columns = ("bulk_per_second", "single_per_second", "open_seconds", "memory_mb", "disk_mb")
    rows = [
        [name, *(f"{values[column]:,}" if column in values else "none" for column in columns)]
        for name, values in measured.items()
        if "disk_mb" in values
    ]
    return systems.table(["", "bulk/s", "single/s", "open s", "memory MB", "disk MB"], rows)


# comparison.py


def comparison(peers: Found) -> str:
    """All tables of a comparison."""
    return "\n\n".join(table(peers) for table in (first_hits, found_by_peers, peer_speeds, safety))


def first_hits(peers: Found) -> str:
    """Size and first hit."""
    rows = []
    for name, one in peers.items():
        first, works = one.get("first_hit", {}), one.get("works", {})
        problem = one["install"].get("error") or works.get("error") or first.get("error")
        size = f"{one['install'].get('mb', 0):,}"
        rows.append([name, works.get("version", ""), size, str(first.get("lines", "")), _end(problem)])
    return systems.table(["", "version", "installed, MB", "lines", "run here"], rows)


def _end(problem: str | None) -> str:
    """A hit, or the type of the error."""
    return problem.partition(":")[0] if problem else "a hit"


def found_by_peers(peers: Found) -> str:
    """nDCG@10; the best of a set is bold."""
    by_peer = {name: one["quality"] for name, one in peers.items() if "quality" in one}
    sets = list(next(iter(by_peer.values())))
    best = {each: max(one[each].get("nDCG@10", 0) for one in by_peer.values()) for each in sets}
    rows = []
    for name, one in by_peer.items():
        values = {each: one[each].get("nDCG@10") for each in sets}
        cells = ["" if value is None else f"{value:.3f}"[1:] for value in values.values()]
        bold = [value is not None and value == best[each] for each, value in values.items()]
        rows.append([name, *(f"**{cell}**" if b else cell for cell, b in zip(cells, bold, strict=True))])
    return systems.table(["nDCG@10", *sets], rows)


def peer_speeds(peers: Found) -> str:
    """Milliseconds by the clock, and processor time as a multiple of agentmem's."""
    ours = peers.get("agentmem", {}).get("speed")
    rows = []
    for name, one in peers.items():
        measured = one.get("speed", {})
        if "single_per_second" in measured:
            cells = [_times(measured[kind], ours and ours[kind]) for kind in ("short", "long")]
            adds = [f"{measured['bulk_per_second']:,}", _digits(measured["single_per_second"], 3)]
            rows.append([name, f"{measured['records']:,}", *cells, *adds])
    return systems.table(["", "records", "short, ms", "long, ms", "bulk adds/s", "single adds/s"], rows)


def _times(measured: Found, ours: Found | None) -> str:
    ratio = f" ({_digits(measured['cpu'] / ours['cpu'], 2)} x)" if ours else ""
    return f"{_digits(measured['wall'], 3)}{ratio}"


def safety(peers: Found) -> str:
    """What is kept, seen and refused."""
    rows = []
    for name, one in peers.items():
        if "killed" in one:
            kept = [_kept(one[probe]) for probe in ("killed", "killed_plain", "two_writers")]
            syncs = str(one["syncs"].get("per_add", "?"))
            sees = one["open_reader"].get("sees") or _end(one["open_reader"]["error"])
            foreign = one["foreign_file"]
            rows.append([name, *kept[:2], syncs, kept[2], sees, *map(_refusal, foreign.values())])
    heading = ["found", "killed", "killed, plain add", "syncs an add", "two writers", "open reader finds"]
    return systems.table([*heading, "foreign text", "foreign database"], rows)


def _kept(found: Found) -> str:
    """How many of the adds that returned were found, and how many of those tried returned."""
    if "found" not in found:
        return found["error"]
    tried = found.get("tried", found["returned"])
    refused = f" ({tried - found['returned']} refused)" if tried > found["returned"] else ""
    return f"{found['found']}/{found['returned']}{refused}"


def _refusal(found: Found) -> str:
    return ("refused" if found["refused"] else "accepted") + ("" if found["unchanged"] else ", changed")


# postgres.py


def postgres_searches(found: Found) -> str:
    """By scopes: milliseconds for a short and for a long question."""
    searches = found["searches"]
    ways = [(name, way) for name, sizes in searches.items() for way in _ways(next(iter(sizes.values())))]
    rows = []
    for size in searches["agentmem"]:
        cells = [searches[name].get(size, {}) for name, _ in ways]
        times = [
            " / ".join(_digits(one[f"{way}, {words} words"], 2) for words in (7, 53)) if one else ""
            for one, (_, way) in zip(cells, ways, strict=True)
        ]
        rows.append([f"{int(size):,}", *times])
    heading = [name if name == way else f"{name}, {way}" for name, way in ways]
    return systems.table(["ms, 7 / 53 words", *heading], rows)


def _ways(measured: Found) -> list[str]:
    return list(dict.fromkeys(name.rsplit(", ", 1)[0] for name in measured))


def postgres_writes(found: Found) -> str:
    """Adds per second, and what one leaves behind."""
    rows = []
    for name, measured in ({"agentmem": found["writes"]} | found["others' writes"]).items():
        rates = [measured.get(way) for way in ("own scopes, 1", "own scopes, 16", "one space, 16")]
        cells = [f"{rate:,.0f}" if rate else "" for rate in [*rates, measured["wal"], found["disk"][name]]]
        rows.append([name, *cells])
    return systems.table(["adds/s", "1", "16", "16, one space", "log bytes", "disk bytes"], rows)


def postgres_costs(found: Found) -> str:
    """Of one operation: by the clock, and on the processors of the host and of the server."""
    rows = [
        [name, *(_digits(cost[part], 2) for part in ("wall", "host", "server"))]
        for name, cost in found["costs"].items()
    ]
    return systems.table(["ms", "clock", "host", "server"], rows)


def postgres_host(found: Found) -> str:
    """What a host needs for the largest scope, and for small ones."""
    size = f"{max(map(int, found['searches']['agentmem'])):,}"
    first, memory = found["first use"], found["memory"]
    rows = [
        [
            f"seconds to the first hit of {size}, index files in the database",
            f"{first['without index files']:.2f}",
        ],
        [f"seconds to the first hit of {size}, index files on the host", f"{first['with index files']:.2f}"],
        [f"bytes of memory per record, one space of {size}", f"{memory['largest']:,.0f}"],
        ["bytes of memory per record, spaces of 1,000", f"{memory['scopes of 1,000']:,.0f}"],
    ]
    return systems.table(["a host", ""], rows)


# scaling.py


def scaling_caches(found: Found) -> str:
    """What routing does to the caches and to the servers."""
    rows = [
        [
            f"{skew}, {mix}",
            *(f"{one[mix][way]['kept']:.1%}" for way in ("hash", "random")),
            *(f"{one[mix][way]['cores']:,.0f}" for way in ("hash", "random")),
            *(f"{one[mix][way]['servers']:,}" for way in ("hash", "random")),
        ]
        for skew, one in found["skews"].items()
        for mix in MIXES
    ]
    heading = [f"{what}, {way}" for what in ("kept", "cores", "servers") for way in ("hash", "random")]
    return systems.table(["s, mix", *heading], rows)


def scaling_heads(found: Found) -> str:
    """How busy head rows and hosts are."""
    rows = [
        [
            skew,
            *(f"{one[mix]['head rows']['first']:.0%}" for mix in MIXES),
            *(f"{one[mix]['head rows']['slow']:,}" for mix in MIXES),
            f"{one['busiest host']:.1f}",
        ]
        for skew, one in found["skews"].items()
    ]
    heading = [f"{what}, {mix}" for what in ("busiest", "over half") for mix in MIXES]
    return systems.table(["s", *heading, "busiest host"], rows)


def scaling_costs(found: Found) -> str:
    """What the model takes from the measurements."""
    costs = found["costs"]
    rows = [
        ["server, ms per search in a kept space", _digits(costs["search"], 2)],
        ["server, ms per 1,000 records that are loaded", _digits(1000 * costs["load"], 2)],
        ["server, ms per add", _digits(costs["add"], 2)],
        ["bytes of log per add", f"{costs['wal']:,.0f}"],
        ["adds to one space per second", f"{costs['adds to one space']:,.0f}"],
        ["bytes per record on a host", f"{costs['bytes a record']:,.0f}"],
        ["bytes per record on the server's disk", f"{costs['disk a record']:,.0f}"],
        ["terabytes of 10 billion records", f"{found['bytes'] / 1e12:.1f}"],
    ]
    return systems.table(["measured", ""], rows)


# The pages of the documentation.


def results(name: str) -> Found:
    """What a program wrote to benches/results."""
    return json.loads((ROOT / "benches" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def _sets() -> Found:
    return results("quality")["sets"] | results("quality-sets")["sets"]


TABLES: dict[str, Callable[[], str]] = {
    "nDCG": lambda: metric_table(_sets()),
    "minilm": lambda: metric_table(results("quality-minilm")["sets"]),
    "reliability": lambda: reliability_table(_sets()),
    "search, 10,000": lambda: search_table(results("speed-peers")["records"]["10000"]),
    "ratios, 10,000": lambda: ratio_table(results("speed-peers")["ratios"]["10000"]),
    "cost, 10,000": lambda: cost_table(results("speed-peers")["records"]["10000"]),
    "search, 1,000,000": lambda: search_table(results("speed")["records"]["1000000"]),
    "ratios, 1,000,000": lambda: ratio_table(results("speed")["ratios"]["1000000"]),
    "cost, 1,000,000": lambda: cost_table(results("speed")["records"]["1000000"]),
    "first hits": lambda: first_hits(results("comparison")["peers"]),
    "found": lambda: found_by_peers(results("comparison")["peers"]),
    "speeds": lambda: peer_speeds(results("comparison")["peers"]),
    "safety": lambda: safety(results("comparison")["peers"]),
    "postgres searches": lambda: postgres_searches(results("postgres")),
    "postgres writes": lambda: postgres_writes(results("postgres")),
    "postgres costs": lambda: postgres_costs(results("postgres")),
    "postgres host": lambda: postgres_host(results("postgres")),
    "scaling costs": lambda: scaling_costs(results("scaling")),
    "scaling caches": lambda: scaling_caches(results("scaling")),
    "scaling heads": lambda: scaling_heads(results("scaling")),
}


def with_tables(page: str) -> str:
    """A page whose tables are those of the results."""
    return re.sub(
        r"(<!-- table: (.*?) -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}",
        page,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for name in PAGES:
        file = ROOT / "docs" / name
        file.write_text(with_tables(file.read_text(encoding="utf-8")), encoding="utf-8")
