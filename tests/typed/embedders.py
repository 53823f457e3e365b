"""Code that mypy must accept, except in ignored lines. `nox -s types` checks it; it is never run."""

from __future__ import annotations

import agentmem


class Named:
    name = "model"
    dimension = 3

    def embed_documents(self, texts: list[str]) -> list[list[float] | None]:
        return [None for _ in texts]

    def embed_query(self, text: str) -> list[float]:
        return [1.0, 2.0, 3.0]


class Nameless:
    dimension = 3

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0] for _ in texts]


agentmem.open("memory.db", embedder=Named())
agentmem.open("memory.db", embedder="minilm")
agentmem.open("memory.db", embedder=Nameless())  # type: ignore[arg-type]
