"""How long it takes to save the state of a flow and to ingest knowledge, beside CrewAI's own storage.

    pip install agentmem-db crewai
    python benches/crewai_state.py

Saves alternate between the storages, so that other load on the machine meets all. With durability "full", as
with CrewAI's storage, a state that was saved survives power loss. What that costs is up to the disk: for each
save agentmem syncs once, and CrewAI's storage, which opens and closes its file, five times (crewai 1.15.30,
counted with strace on Linux). So the ratio comes near a fifth where a sync is slow, and is larger where not.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")

import crewai
from crewai.flow.persistence import SQLiteFlowPersistence

import agentmem
from agentmem.crewai import AgentMemFlowPersistence, KnowledgeStorage

SAVES = 500
DURABILITIES: tuple[Literal["full", "normal"], ...] = ("full", "normal")
CHUNKS = 10_000


def main() -> None:
    """Measure, and print one line for each question."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        flow_states(Path(folder))
        knowledge(Path(folder))


def flow_states(folder: Path) -> None:
    """Save a state that changes each time, in turn with all."""
    saves = {"SQLiteFlowPersistence": SQLiteFlowPersistence(str(folder / "flow_states.db")).save_state}
    for durability in DURABILITIES:
        store = agentmem.open(folder / f"{durability}.db", durability=durability)
        saves[f"agentmem, {durability}"] = AgentMemFlowPersistence(store).save_state
    seconds: dict[str, list[float]] = {name: [] for name in saves}
    for n in range(SAVES):
        state = {"id": "flow", "n": n, "messages": [{"role": "user", "content": "x" * 62}] * 200}
        for name, save in saves.items():
            seconds[name].append(timed(lambda save=save, state=state: save("flow", "step", state)))
    medians = {name: 1000 * statistics.median(values) for name, values in seconds.items()}
    theirs = medians["SQLiteFlowPersistence"]
    size = len(json.dumps(state)) // 1000
    print(f"crewai {crewai.__version__}, saving a state of {size} kB, medians of {SAVES}:")
    print(f"  one sync of the disk: {1000 * sync(folder / 'sync', size):.2f} ms")
    for name, median in medians.items():
        print(f"  {name}: {median:.2f} ms, {median / theirs:.3f} of CrewAI's")


def sync(path: Path, kilobytes: int) -> float:
    """How many seconds the disk takes to sync so much."""
    with path.open("wb", buffering=0) as file:

        def write() -> None:
            file.write(bytes(1000 * kilobytes))
            os.fsync(file.fileno())

        return statistics.median(timed(write) for _ in range(SAVES))


def knowledge(folder: Path) -> None:
    """Ingest chunks of 40 words that differ."""
    words = [f"word{n}" for n in range(5000)]
    chunks = [
        f"{n} " + " ".join(words[(n * 7 + k * k) % len(words)] for k in range(40)) for n in range(CHUNKS)
    ]
    storage = KnowledgeStorage(str(folder / "knowledge.db"), "bench")
    first = timed(lambda: storage.save(chunks))
    again = timed(lambda: storage.save(chunks))
    storage.close()
    print(
        f"{len(set(chunks))} chunks of 41 words: ingested in {first:.1f} s, the same again in {again:.1f} s"
    )


def timed(call: Callable[[], object]) -> float:
    """How many seconds a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
