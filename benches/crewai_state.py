"""How long it takes to save the state of a flow and to ingest knowledge, beside CrewAI's own storage.

    pip install agentmem-db crewai
    python benches/crewai_state.py

Saves alternate between the storages, so that other load on the machine meets all. With durability "full", as
with CrewAI's storage, a state that was saved survives power loss; most of the time is one sync of the disk.
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

SAVES = 200
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
    for name, median in medians.items():
        print(f"  {name}: {median:.2f} ms, {median / theirs:.3f} of CrewAI's")


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
