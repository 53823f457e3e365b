"""Code that mypy must accept, except in ignored lines. `nox -s types` checks it; it is never run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import agentmem

store = agentmem.open("memory.db")

store.add("x", embedding=[1.0, 2.0])
store.add("x", embedding=(1, 2))
store.add("x", embedding=np.zeros(3))
store.search("x", vector=np.array([1.0, 2.0], dtype=np.float32))

store.add("x", embedding="12")  # type: ignore[arg-type]
store.add("x", embedding={1.0, 2.0})  # type: ignore[arg-type]


def rows(texts: list[str]) -> list[NDArray[np.float32]]:
    return [np.zeros(3, dtype=np.float32) for _ in texts]


def matrix(texts: list[str]) -> NDArray[np.float64]:
    return np.zeros((len(texts), 3))


agentmem.open("memory.db", embedder=rows)
agentmem.open("memory.db", embedder=matrix)
