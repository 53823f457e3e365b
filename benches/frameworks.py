"""Sessions, stores and checkpoints beside the frameworks' own SQLite storage in the same run.

    pip install agentmem-db openai-agents langgraph langgraph-checkpoint-sqlite
    python benches/frameworks.py [--rounds 101] [--items 10000] [--only NAME] [--json FILE]

All are durable: what was written survives power loss. Rounds alternate between the two storages. In a round,
one writer makes one call, or 8 writers make one each at once (threads, or tasks of one event loop). Figures
are medians of the rounds, in microseconds a call: of wall time, and of processor time, which other load on
the machine changes less. A ratio is agentmem's median by the other's.

- OpenAI Agents, SQLiteSession: append a message and its answer; read the newest 20 of 200 items, and all.
- LangGraph, SqliteStore and AsyncSqliteStore with `--items` items in 100 namespaces: put, get, the newest ten
  of a namespace, and those that pass a filter.
- LangGraph, SqliteSaver and AsyncSqliteSaver: put a checkpoint of 20 messages, write what a task did, read
  the newest checkpoint.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agents import SQLiteSession
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.store.base import PutOp
from langgraph.store.sqlite import AsyncSqliteStore, SqliteStore

import agentmem
from agentmem.langgraph import AgentMemSaver, AgentMemStore
from agentmem.openai_agents import AgentMemSession

WRITERS = (1, 8)
WARM_UP = 5  # rounds that open connections
NAMESPACES = 100
PACKAGES = (
    "openai-agents",
    "langgraph",
    "langgraph-checkpoint",
    "langgraph-checkpoint-sqlite",
)

Call = Callable[[int, int], Any]
"""A call of a writer: its number, and the number of the call."""
Pair = list[Call]
"""The same call of a framework's own storage and of agentmem."""


class Runner:
    """Makes one call for each of several writers at once: threads that stay, or tasks of one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(max(WRITERS))

    def run(self, call: Call, writers: int, n: int, asynchronous: bool) -> tuple[float, float]:
        """Microseconds a call, of wall time and of processor time."""
        wall, cpu = time.perf_counter(), time.process_time()
        if asynchronous:
            self.loop.run_until_complete(_together(call, writers, n))
        elif writers == 1:
            call(0, n)
        else:
            list(self._threads.map(call, range(writers), [n] * writers))
        per_call = 1e6 / writers
        return (time.perf_counter() - wall) * per_call, (time.process_time() - cpu) * per_call


async def _together(call: Call, writers: int, n: int) -> None:
    await asyncio.gather(*(call(writer, n) for writer in range(writers)))


def sessions(folder: Path, runner: Runner) -> dict[str, Pair]:
    """Sessions of the OpenAI Agents SDK; they are asynchronous."""
    turn = [{"role": "user", "content": "u" * 80}, {"role": "assistant", "content": "a" * 300}]

    def calls(make: Callable[[str], Any]) -> list[Call]:
        written = [make(f"written {n}") for n in range(max(WRITERS))]
        read = [make(f"read {n}") for n in range(max(WRITERS))]
        for session in read:
            runner.loop.run_until_complete(session.add_items(turn * 100))
        return [
            lambda writer, _: written[writer].add_items(turn),
            lambda writer, _: read[writer].get_items(limit=20),
            lambda writer, _: read[writer].get_items(),
        ]

    names = ["append", "read 20 of 200", "read 200"]
    theirs = calls(lambda name: SQLiteSession(name, folder / "sessions-theirs.db"))
    ours = calls(lambda name: AgentMemSession(name, folder / "sessions-ours.db"))
    return {f"session, {name}": pair for name, *pair in zip(names, theirs, ours, strict=True)}


def value(n: int) -> dict[str, Any]:
    """The value of an item."""
    return {"text": f"User {n} prefers email over phone, and tea over coffee.", "n": n, "kind": f"k{n % 20}"}


def filled(store: Any, items: int) -> Any:
    """Put the items, and return the store."""
    for start in range(0, items, 1000):
        store.batch(PutOp(space(n), f"key {n}", value(n)) for n in range(start, min(start + 1000, items)))
    return store


def space(n: int) -> tuple[str, ...]:
    """The namespace of an item."""
    return "users", f"user {n % NAMESPACES}"


def stores(folder: Path, items: int, stack: ExitStack) -> dict[str, Pair]:
    """LangGraph's stores, called synchronously."""
    theirs = stack.enter_context(SqliteStore.from_conn_string(str(folder / "store-theirs.db")))
    theirs.setup()

    def calls(store: Any) -> list[Call]:
        return [
            lambda writer, n: store.put(space(n), f"{writer} {n}", value(n)),
            lambda writer, n: store.get(space(n), f"key {n}"),
            lambda writer, n: store.search(space(n + writer)),
            lambda writer, n: store.search(space(n + writer), filter={"kind": f"k{n % 20}"}),
        ]

    names = ["put", "get", "newest ten", "filter"]
    both = [calls(filled(store, items)) for store in (theirs, AgentMemStore(folder / "store-ours.db"))]
    return {f"store, {name}": pair for name, *pair in zip(names, *both, strict=True)}


async def astores(folder: Path, items: int, stack: AsyncExitStack) -> dict[str, Pair]:
    """LangGraph's stores, called asynchronously."""
    opened = AsyncSqliteStore.from_conn_string(str(folder / "astore-theirs.db"))
    theirs = await stack.enter_async_context(opened)
    await theirs.setup()
    ours = AgentMemStore(folder / "astore-ours.db")

    def calls(store: Any) -> list[Call]:
        return [
            lambda writer, n: store.aput(space(n), f"{writer} {n}", value(n)),
            lambda writer, n: store.aget(space(n), f"key {n}"),
            lambda writer, n: store.asearch(space(n + writer)),
        ]

    for start in range(0, items, 1000):
        ops = [PutOp(space(n), f"key {n}", value(n)) for n in range(start, min(start + 1000, items))]
        await theirs.abatch(ops)
        await ours.abatch(ops)
    names = ["put", "get", "newest ten"]
    return {
        f"store, {name}, async": pair for name, *pair in zip(names, calls(theirs), calls(ours), strict=True)
    }


def checkpoint() -> Any:
    """A checkpoint of a conversation of 20 messages, with an id of its own."""
    messages = [{"role": "user", "content": "x" * 200} for _ in range(20)]
    return empty_checkpoint() | {
        "channel_values": {"messages": messages},
        "channel_versions": {"messages": 1},
    }


def config(writer: int) -> dict[str, Any]:
    """Each writer has a thread."""
    return {"configurable": {"thread_id": f"thread {writer}", "checkpoint_ns": ""}}


def savers(folder: Path, stack: ExitStack) -> dict[str, Pair]:
    """LangGraph's checkpoints, called synchronously."""
    theirs = stack.enter_context(SqliteSaver.from_conn_string(str(folder / "saver-theirs.db")))

    def calls(saver: Any) -> list[Call]:
        heads = [saver.put(config(writer), checkpoint(), {"step": 0}, {}) for writer in range(max(WRITERS))]
        writes = [("messages", {"role": "user", "content": "x" * 200}), ("branch", None)]
        return [
            lambda writer, n: saver.put(config(writer), checkpoint(), {"step": n}, {}),
            lambda writer, n: saver.put_writes(heads[writer], writes, f"task {n}"),
            lambda writer, n: saver.get_tuple(config(writer)),
        ]

    names = ["put", "put writes", "read newest"]
    both = [calls(saver) for saver in (theirs, AgentMemSaver(folder / "saver-ours.db"))]
    return {f"checkpoint, {name}": pair for name, *pair in zip(names, *both, strict=True)}


async def asavers(folder: Path, stack: AsyncExitStack) -> dict[str, Pair]:
    """LangGraph's checkpoints, called asynchronously."""
    opened = AsyncSqliteSaver.from_conn_string(str(folder / "asaver-theirs.db"))
    theirs = await stack.enter_async_context(opened)

    def calls(saver: Any) -> list[Call]:
        return [
            lambda writer, n: saver.aput(config(writer), checkpoint(), {"step": n}, {}),
            lambda writer, n: saver.aget_tuple(config(writer)),
        ]

    names = ["put", "read newest"]
    both = [calls(saver) for saver in (theirs, AgentMemSaver(folder / "asaver-ours.db"))]
    return {f"checkpoint, {name}, async": pair for name, *pair in zip(names, *both, strict=True)}


def measured(name: str, pair: Pair, writers: int, runner: Runner, rounds: int) -> dict[str, Any]:
    """The medians of both storages, and their ratios."""
    asynchronous = name.startswith("session") or name.endswith("async")
    times: tuple[list[Any], list[Any]] = ([], [])
    for n in range(rounds + WARM_UP):
        for which in (0, 1) if n % 2 else (1, 0):
            times[which].append(runner.run(pair[which], writers, n + writers * 10_000, asynchronous))
    theirs, ours = ([statistics.median(kind) for kind in zip(*each[WARM_UP:], strict=True)] for each in times)
    wall, cpu = (mine / other for mine, other in zip(ours, theirs, strict=True))
    return {"call": name, "writers": writers, "theirs": theirs, "ours": ours, "wall": wall, "cpu": cpu}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--only", default="", help="measure only calls whose name begins so")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runner, results = Runner(), []
    print("| call | writers | own storage, wall / cpu | agentmem, wall / cpu | ratio of wall | of cpu |")
    print("| --- | --: | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as path, ExitStack() as stack:
        folder, astack = Path(path), AsyncExitStack()
        pairs = sessions(folder, runner) | stores(folder, options.items, stack) | savers(folder, stack)
        pairs |= runner.loop.run_until_complete(astores(folder, options.items, astack))
        pairs |= runner.loop.run_until_complete(asavers(folder, astack))
        for name, pair in pairs.items():
            for writers in WRITERS if name.startswith(options.only) else ():
                row = measured(name, pair, writers, runner, options.rounds)
                results.append(row)
                theirs, ours = (f"{each[0]:.0f} / {each[1]:.0f}" for each in (row["theirs"], row["ours"]))
                print(f"| {name} | {writers} | {theirs} | {ours} | {row['wall']:.2f} | {row['cpu']:.2f} |")
        runner.loop.run_until_complete(astack.aclose())
    if options.json:
        versions = {"agentmem": agentmem.__version__} | {package: version(package) for package in PACKAGES}
        about = {"python": platform.python_version(), "machine": platform.platform(), "versions": versions}
        options.json.write_text(
            json.dumps(about | {"rounds": options.rounds, "results": results}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
