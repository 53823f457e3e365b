"""agentmem beside other stores that run inside a program: cost, quality, speed, safety.

    python benches/comparison.py [--only a,b] [--agentmem WHEEL] [--data DIR --sets a,b] [--json FILE]

It runs in an environment with `benches/requirements.txt` and makes one for each peer in `--environments`,
where pip installs what `peers.py` names. A peer that cannot be installed, or does not work here, is a row
that says why. For each peer:

- install: megabytes in the site-packages of an environment with nothing else, not even pip; lines of the
  shortest program from there to the first hit, and whether it has it here, without a key or a download;
- quality: nDCG@10 on the sets of `quality.py`;
- speed: milliseconds of a search among `--records` records, by questions of 7 and of 53 words, and durable
  single adds per second, both with the time of the model where there are vectors; bulk adds have vectors by
  chance. Peers take turns, so that a busy moment of the machine strikes all of them. Each question counts
  with its median over the rounds; p50 of wall and of processor time;
- killed: a process is killed (SIGKILL) right after an add has returned, three times. How many of the adds
  that returned does the next process find? And of "plain" adds, those of the shortest program?
- syncs: how often an add asks the system to write to the disk (fsync and its kin; needs strace). Without
  any, a power cut may take the record;
- two writers: two processes add 50 records each, at once. How many adds returned, how many are found?
- open reader: does a process that opened the store before another one adds find the new record at once,
  after a call that looks again, or only when it opens the store again?
- foreign file: the file that the store opens first is a text, or another program's SQLite database. Is it
  refused, and left as it was?
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy
import quality
import safety
import systems
import tables
from peer_process import Environment, PeerError, Process, opened
from peers import PEERS
from prose import Writer

HERE = Path(__file__).parent
ROOT = HERE.parent
ROUNDS = 3
QUESTIONS = 30
SINGLE_ADDS = 50

Found = dict[str, Any]
"""What was measured of a peer, by property."""


@contextmanager
def folders() -> Iterator[Callable[[], Path]]:
    """Make folders that are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="agentmem-bench-") as base:

        def make() -> Path:
            return Path(tempfile.mkdtemp(dir=base))

        yield make


def ndcg(environment: Environment, collection: quality.Collection) -> Found:
    """nDCG@10 on a set."""
    most = environment.peer.most
    if most and sum(len(store.records) for store in collection.stores) > most:
        return {"error": f"more than {most} records, which took too long"}
    judged = {}
    for store in collection.stores:
        with folders() as make, opened(environment, make()) as process:
            keys = process.call("fill", list(store.records.values()))
            names = dict(zip(keys, store.records, strict=True))
            rankings = process.call("ask", list(store.queries.values()))
            for key, ranking in zip(store.queries, rankings, strict=True):
                judged[key] = quality.judge([names[one] for one in ranking], collection.grades[key])
    return quality.mean(judged)


class Race:
    """Stores with many records, which are asked and filled in turns."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.found: dict[str, Found] = {}
        self._stack = stack
        self._folder = folder
        self._running: dict[str, Process] = {}

    def enter(self, environment: Environment, texts: list[str]) -> None:
        """Fill a store."""
        name, some = environment.peer.name, texts[: environment.peer.most or len(texts)]
        place = self._folder / str(len(self.found))
        place.mkdir()
        self.found[name] = {"records": len(some)}
        try:
            process = self._stack.enter_context(opened(environment, place))
            seconds = process.call("fill_quickly", some)
        except PeerError as error:
            self.found[name]["error"] = str(error)
            return
        self._running[name] = process
        self.found[name]["bulk_per_second"] = round(len(some) / seconds)

    def in_turns(self, do: str, arguments: list[Any]) -> dict[str, list[Any]]:
        """What each store answered in each round; one that fails is out."""
        answers: dict[str, list[Any]] = {name: [] for name in self._running}
        for _ in range(ROUNDS):
            for name, process in list(self._running.items()):
                try:
                    answers[name].append(process.call(do, arguments))
                except PeerError as error:
                    self.found[name]["error"] = str(error)
                    del self._running[name]
        return {name: answers[name] for name in self._running}


def speed(environments: list[Environment], count: int) -> dict[str, Found]:
    """Fill all peers, then ask them in turns, then let them add in turns."""
    writer = Writer()
    texts = [record["content"] for record in writer.records(count)]
    with folders() as make, ExitStack() as stack:
        race = Race(stack, make())
        for environment in environments:
            race.enter(environment, texts)
        for kind, length in (("short", 7), ("long", 53)):
            questions = writer.questions(length, QUESTIONS)
            race.in_turns("time", questions[:1])
            for name, times in race.in_turns("time", questions).items():
                wall, cpu = numpy.median(numpy.median(times, axis=0), axis=0)
                race.found[name][kind] = {"wall": round(float(wall), 4), "cpu": round(float(cpu), 4)}
        for name, rates in race.in_turns("add_for_a_while", texts[:SINGLE_ADDS]).items():
            race.found[name]["single_per_second"] = round(statistics.median(rates), 1)
    return race.found


def tried(probe: Callable[..., Found], *arguments: Any) -> Found:
    """What a probe found, or why it found nothing."""
    try:
        return probe(*arguments)
    except PeerError as error:
        return {"error": str(error)}


def measure(environment: Environment, collections: list[quality.Collection]) -> Found:
    """All of a peer but its speed."""
    found: Found = {"install": environment.install()}
    if "error" in found["install"]:
        return found
    found["first_hit"] = environment.first_hit()
    with folders() as make:
        found["works"] = tried(_works, environment, make())
        if "error" in found["works"]:
            return found
        for probe in safety.PROBES:
            found[probe.__name__] = tried(probe, environment, make())
            print(f"{environment.peer.name}: {probe.__name__} {found[probe.__name__]}", flush=True)
    found["quality"] = {one.name: tried(ndcg, environment, one) for one in collections}
    return found


def _works(environment: Environment, folder: Path) -> Found:
    with Process(environment, folder) as process:
        return {"version": process.call("open")}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="agentmem beside other stores that run inside a program.")
    parser.add_argument("--only", help="names of peers, with commas between")
    parser.add_argument(
        "--agentmem", default=str(ROOT), help="what pip installs as agentmem: a wheel, or the source"
    )
    parser.add_argument("--records", type=int, default=10_000, help="for speed; 0 leaves it out")
    parser.add_argument("--data", type=Path, help="folder of more sets, in the format of quality.py")
    parser.add_argument("--sets", help="which of them, with commas between")
    parser.add_argument("--environments", type=Path, default=ROOT / "target" / "comparison")
    parser.add_argument("--json", type=Path, help="where to write the results")
    parser.add_argument("--resume", action="store_true", help="keep what the file has, but the speed")
    return parser.parse_args()


def _sets(data: Path, chosen: str | None) -> list[Path]:
    names = chosen.split(",") if chosen else sorted(path.parent.name for path in data.glob("*/qrels.tsv"))
    return [data / name for name in names]


def main() -> None:
    """Measure, write, print."""
    options = arguments()
    chosen = [peer for peer in PEERS if not options.only or peer.name in options.only.split(",")]
    chosen_sets = _sets(HERE / "data", None) + (_sets(options.data, options.sets) if options.data else [])
    collections = [quality.Collection.read(folder, "all") for folder in chosen_sets]
    environments = [Environment(peer, options.environments, options.agentmem) for peer in chosen]
    results: Found = {**systems.circumstances([]), "peers": {}}
    if options.resume and options.json.exists():
        results["peers"] = json.loads(options.json.read_text(encoding="utf-8"))["peers"]
    for environment in environments:
        if environment.peer.name not in results["peers"]:
            results["peers"][environment.peer.name] = measure(environment, collections)
            systems.write_json(results, options.json)
    able = [one for one in environments if "killed" in results["peers"][one.peer.name]]
    if options.records:
        for name, measured in speed(able, options.records).items():
            results["peers"][name]["speed"] = measured
    results["load_after"] = [round(load, 1) for load in os.getloadavg()]
    systems.write_json(results, options.json)
    print("\n" + tables.comparison(results["peers"]))


if __name__ == "__main__":
    main()
