"""How fast searches and adds are, and what they take: agentmem beside four peers, in one run.

    python benches/speed.py [--records 10000 100000 1000000] [--rounds N] [--json FILE] [--plot FILE]

For each number of records each system is filled up to three times, with the same texts. Then, in rounds in
which the systems take turns, so that a busy moment of the machine strikes all of them:

- short, long, rare: milliseconds for a question of 7 or 53 different words, or of the three rarest words of
  a record, from text to the best ten. Each question counts with its median over the rounds; p50 and p95 are
  over the questions. `cpu` is the p50 of the time that the processor worked on it, which other work on the
  machine disturbs less; the ratios are of these;
- bulk: records per second from memory to a closed file in which all of them are found;
- single: records per second added one by one, each found by the next search and safe from power loss;
- open: seconds from opening the file in a fresh process to the first hit; imports are not counted;
- memory: megabytes of memory of its own (anonymous, not shared with the file cache) that such a process has
  more after opening and all questions than before;
- disk: megabytes in the folder.

CrewAI's own storages are measured where crewai is installed: LanceDB (crewai >= 1.10) is asked by vectors of
agentmem's LocalEmbedder, the long-term SQLite storage (crewai <= 1.9.3) finds only what is word for word the
same, so its figures are those of finding nothing.

agentmem stores scopes, labels, metadata and dates, and its hits are whole records. FTS5 stores the texts
and gives row numbers, the other peers store no texts and give numbers. agentmem alone is also asked within
the scope of one user (about 100 records) and with a condition on the metadata that keeps one record in a
hundred.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import systems
import tables
from prose import Writer
from systems import AgentMem, Record, System
from tables import KINDS

QUESTIONS = 50
PATIENCE = 20.0
"""Seconds that one way may take for one kind of question, of which it is asked no more then."""
SINGLE_ADDS = 200
SINGLE_SECONDS = 2.0
BULK_RECORDS = 100_000
"""Larger stores are filled only once."""

Questions = dict[str, list[str]]
Times = dict[str, list[list[tuple[float, float]]]]
"""By kind, for each question, what it took in each round: seconds by the clock, and of the processor."""


class Bench:
    """One number of records: the folders of all systems, and what was measured."""

    def __init__(self, records: list[Record], questions: Questions, folder: Path, rounds: int) -> None:
        self.records = records
        self.questions = questions
        self.folder = folder
        self.rounds = rounds
        self.measured: dict[str, dict[str, Any]] = {}

    def run(self, under_test: list[type[System]]) -> dict[str, dict[str, Any]]:
        """Measure everything, by system; agentmem's modes are under their names."""
        self._fill(under_test)
        self._ask(under_test)
        self._open(under_test)
        self._add_singly(under_test)
        return self.measured

    def _note(self, system: str, **values: Any) -> None:
        self.measured.setdefault(system, {}).update(values)

    def _folder(self, system: type[System]) -> Path:
        folder = self.folder / system.name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        return folder

    def _fill(self, under_test: list[type[System]]) -> None:
        rates: dict[str, list[float]] = {system.name: [] for system in under_test}
        for _ in range(min(self.rounds, 3) if len(self.records) <= BULK_RECORDS else 1):
            for system in under_test:
                folder = self._folder(system)
                _clear(folder)
                start = time.perf_counter()
                filled = system(folder)
                filled.add(self.records)
                filled.close()
                rates[system.name].append(len(self.records) / (time.perf_counter() - start))
        for system in under_test:
            self._note(
                system.name,
                bulk_per_second=round(statistics.median(rates[system.name])),
                disk_mb=round(_size(self._folder(system)) / 1e6, 1),
            )

    def _ask(self, under_test: list[type[System]]) -> None:
        with _opened(under_test, self._folder) as opened:
            ways: dict[str, systems.Search] = {}
            for system in opened:
                ways.update(system.searches())
                if isinstance(system, AgentMem):
                    ways.update(_filtered(system, self.records[0]["scope"]))
            taken = _take_turns(ways, self.questions, self.rounds)
        for way, times in taken.items():
            self._note(way, **{kind: _percentiles(times[kind]) for kind in KINDS})

    def _open(self, under_test: list[type[System]]) -> None:
        asked = self.folder / "questions.json"
        asked.write_text(json.dumps([text for kind in KINDS for text in self.questions[kind][:20]]))
        for system in under_test:
            command = [
                sys.executable,
                __file__,
                "--child",
                system.name,
                str(self._folder(system)),
                str(asked),
            ]
            opened = [json.loads(subprocess.check_output(command)) for _ in range(min(self.rounds, 3))]
            seconds = statistics.median(child["seconds"] for child in opened)
            memory = statistics.median(child["memory_mb"] for child in opened)
            self._note(system.name, open_seconds=round(seconds, 4), memory_mb=round(memory, 1))

    def _add_singly(self, under_test: list[type[System]]) -> None:
        rates: dict[str, list[float]] = {}
        with _opened(under_test, self._folder) as opened:
            for _ in range(self.rounds):
                for system in opened:
                    if type(system).add_one is not System.add_one:
                        rates.setdefault(system.name, []).append(_single_adds(system, self.records))
        for name, measured in rates.items():
            self._note(name, single_per_second=round(statistics.median(measured)))


@contextmanager
def _opened(under_test: list[type[System]], folder: Callable[[type[System]], Path]) -> Iterator[list[System]]:
    opened = [system(folder(system)) for system in under_test]
    try:
        yield opened
    finally:
        for system in opened:
            system.close()


def _filtered(agentmem: AgentMem, scope: str) -> dict[str, systems.Search]:
    """Ways to search a part of agentmem's records."""
    return {
        "agentmem bm25, one scope": agentmem.searcher(mode="bm25", scope=scope),
        "agentmem bm25, where 1%": agentmem.searcher(mode="bm25", where={"session": 7}),
    }


def _take_turns(ways: dict[str, systems.Search], questions: Questions, rounds: int) -> dict[str, Times]:
    """Ask all questions in all ways, again and again, and note how long each took."""
    taken: dict[str, Times] = {way: {kind: [[] for _ in questions[kind]] for kind in KINDS} for way in ways}
    for search in ways.values():
        search(questions["short"][0], 10)
    for _ in range(rounds):
        for kind in KINDS:
            for way, search in ways.items():
                times = taken[way][kind]
                for question, text in enumerate(questions[kind]):
                    if sum(wall for rounds_of in times for wall, _ in rounds_of) < PATIENCE:
                        times[question].append(_timed(search, text))
    return taken


def _timed(search: systems.Search, text: str) -> tuple[float, float]:
    start, work = time.perf_counter(), time.process_time()
    search(text, 10)
    return time.perf_counter() - start, time.process_time() - work


def _percentiles(times: list[list[tuple[float, float]]]) -> dict[str, float]:
    """In milliseconds."""
    medians = 1000 * numpy.array([numpy.median(rounds, axis=0) for rounds in times if rounds])
    (p50, cpu), (p95, _) = numpy.percentile(medians, (50, 95), axis=0)
    return {"p50": round(float(p50), 4), "p95": round(float(p95), 4), "cpu": round(float(cpu), 4)}


def _single_adds(system: System, records: list[Record]) -> float:
    added, seconds = 0, 0.0
    start = time.perf_counter()
    while added < SINGLE_ADDS and seconds < SINGLE_SECONDS:
        system.add_one(records[added])
        added += 1
        seconds = time.perf_counter() - start
    return added / seconds


def _clear(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def child(name: str, folder: Path, questions: list[str]) -> dict[str, float]:
    """Open a system and ask it, in a process of its own."""
    (system,) = (system for system in systems.ALL if system.name == name)
    before = _import(system, folder)
    start = time.perf_counter()
    opened = system(folder)
    searches = opened.searches().values()
    next(iter(searches))(questions[0], 10)
    seconds = time.perf_counter() - start
    for question in questions:
        for search in searches:
            search(question, 10)
    return {"seconds": seconds, "memory_mb": (systems.anonymous() - before) / 1e6}


def _import(system: type[System], folder: Path) -> int:
    """Import what a system needs, and return how much memory that took."""
    with tempfile.TemporaryDirectory() as empty:
        system(Path(empty)).close()
    return systems.anonymous()


def ratios(measured: dict[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """How many times a peer's processor time is each of agentmem's ways': above 1, agentmem is faster."""
    peers = [name for name, values in measured.items() if "short" in values and "agentmem" not in name]
    return {
        way: {
            peer: {kind: round(measured[peer][kind]["cpu"] / measured[way][kind]["cpu"], 2) for kind in KINDS}
            for peer in peers
        }
        for way in AgentMem.ways
    }


def plot(results: dict[str, Any], file: Path) -> None:
    """Draw how the time of a search grows with the number of records."""
    from matplotlib import pyplot

    sizes = sorted(results["records"], key=int)
    figure, axes = pyplot.subplots(1, len(KINDS), figsize=(12, 4), sharey=True)
    for axis, kind in zip(axes, KINDS, strict=True):
        for name, values in results["records"][sizes[0]].items():
            if kind in values and "bm25," not in name:
                line = [results["records"][size][name][kind]["cpu"] for size in sizes]
                style = "-" if name.startswith("agentmem") else "--"
                axis.loglog([int(size) for size in sizes], line, style, marker="o", label=name)
        axis.set(title=kind, xlabel="records")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("processor time, p50, ms")
    axes[-1].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(file)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="How fast searches and adds are.")
    parser.add_argument(
        "--records", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the store"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--plot", type=Path, help="where to draw the growth (needs matplotlib)")
    parser.add_argument("--folder", type=Path, help="where to put the stores; a temporary folder otherwise")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure, print, write, draw."""
    options = arguments()
    systems.Bm25s.numba = True
    if options.child:
        name, folder, questions = options.child
        print(json.dumps(child(name, Path(folder), json.loads(Path(questions).read_text()))))
        return
    under_test = systems.installed(systems.ALL)
    results: dict[str, Any] = {**systems.circumstances(under_test), "rounds": options.rounds, "records": {}}
    writer = Writer()
    for size in options.records:
        records = list(writer.records(size))
        questions = {
            "short": writer.questions(7, QUESTIONS),
            "long": writer.questions(53, QUESTIONS),
            "rare": writer.rare_questions(records, QUESTIONS),
        }
        with tempfile.TemporaryDirectory(prefix="agentmem-bench-", dir=options.folder) as folder:
            measured = Bench(records, questions, Path(folder), options.rounds).run(under_test)
        results["records"][str(size)] = measured
        results.setdefault("ratios", {})[str(size)] = ratios(measured)
        print(f"\n{size:,} records\n", tables.search_table(measured), tables.cost_table(measured), sep="\n\n")
        print("\n" + tables.ratio_table(results["ratios"][str(size)]), flush=True)
        systems.write_json(results, options.json)
    results["load_after"] = [round(load, 1) for load in os.getloadavg()]
    systems.write_json(results, options.json)
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
