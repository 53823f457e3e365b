"""Storages for crewai <= 1.9.3: short-term, long-term, entity and external memory.

>>> from agentmem.crewai import ShortTermStorage
>>> memory = ShortTermMemory(storage=ShortTermStorage("crew.db", crew="research"))
>>> crew = Crew(agents=[analyst], tasks=[task], memory=True, short_term_memory=memory)

All kinds and all crews can share one file. Each has a scope of its own, `/crew/<name>/<kind>`.
"""

from __future__ import annotations

import asyncio
import datetime as dates
import hashlib
import json
import math
import uuid
import warnings
from importlib import metadata as packages
from typing import Any, ClassVar

from agentmem import Record
from agentmem._adapters import StoreOrPath, clean, scope_part, to_json
from agentmem._similarity import similarity

from ._outputs import without_boilerplate, without_fences
from ._storage import DATETIME, OUTPUT, SCORE, TASK, Storage, aware, log, logged, public_metadata

_NAMESPACE = uuid.UUID("5f0c1f3e-6f0b-5c55-9a53-2f3b0d6e5a11")
_REPEATS = 4  # how many hits per result are read, because texts repeat


class LegacyStorage(Storage):
    """One kind of memory of one crew. `crew` is the crew's name, or the crew."""

    kind: ClassVar[str]

    def __init__(self, store: StoreOrPath = None, crew: Any = "crew") -> None:
        """Open the store. Warn if the installed CrewAI ignores this storage."""
        super().__init__(store)
        name = crew if isinstance(crew, str) else getattr(crew, "name", None)
        self.scope = legacy_scope(name or "crew", self.kind)
        _warn_if_ignored(type(self))

    @logged
    def reset(self) -> None:
        """Delete all memories of this kind and crew."""
        self.store.reset(self.scope)

    async def areset(self) -> None:
        """`reset`, without blocking the event loop."""
        await asyncio.to_thread(self.reset)


class OutputStorage(LegacyStorage):
    """What short-term, entity and external memory share: texts with metadata."""

    @logged
    def save(self, value: Any, metadata: dict[str, Any] | None = None) -> None:
        """Store the whole of `value`; once, if it is saved again with the same metadata, as in CrewAI."""
        text = clean(str(value))
        if not text.strip():
            log.debug("%s: an empty output is not stored", type(self).__name__)
            return
        self.store.put_many([output_record(text, metadata or {}, self.scope)])

    async def asave(self, value: Any, metadata: dict[str, Any] | None = None) -> None:
        """`save`, without blocking the event loop."""
        await asyncio.to_thread(self.save, value, metadata)

    @logged
    def search(
        self,
        query: str,
        limit: int = 5,
        filter: dict[str, Any] | None = None,
        score_threshold: float = 0.6,
    ) -> list[dict[str, Any]]:
        """Return memories that are relevant to `query`, best first, each text once.

        The score is not a probability: it is on the scale that CrewAI's thresholds are made for. `filter` is
        the `where` of `MemoryStore.search`: a condition on the metadata.
        """
        if limit <= 0:
            return []
        hits = self.store.search(clean(query), _REPEATS * limit, scope=self.scope, where=filter)
        least = score_threshold or 0.0
        # A text of several tasks is stored once for each, but returned once.
        results: dict[str, dict[str, Any]] = {}
        for hit in hits:
            if (score := similarity(hit)) >= least:
                results.setdefault(hit.record.content, _result(hit.record, score))
        return list(results.values())[:limit]

    async def asearch(
        self,
        query: str,
        limit: int = 5,
        filter: dict[str, Any] | None = None,
        score_threshold: float = 0.6,
    ) -> list[dict[str, Any]]:
        """`search`, without blocking the event loop."""
        return await asyncio.to_thread(self.search, query, limit, filter, score_threshold)


class ShortTermStorage(OutputStorage):
    """For `ShortTermMemory(storage=...)`: outputs of agents."""

    kind = "short_term"


class EntityStorage(OutputStorage):
    """For `EntityMemory(storage=...)`: people, places and things."""

    kind = "entity"


class ExternalStorage(OutputStorage):
    """For `ExternalMemory(storage=...)`: outputs of agents, with the whole chat in the metadata."""

    kind = "external"


class LongTermStorage(LegacyStorage):
    """For `LongTermMemory(storage=...)`: the score of each run of a task, and suggestions to improve it.

    If a task never ran with the same words, `load` returns runs of tasks whose similarity is at least
    `similar`. With `similar=None` it returns none.
    """

    kind = "long_term"

    def __init__(self, store: StoreOrPath = None, crew: Any = "crew", *, similar: float | None = 0.7) -> None:
        """Open the store."""
        super().__init__(store, crew)
        self.similar = similar

    @logged
    def save(self, task_description: str, metadata: dict[str, Any], datetime: str, score: float) -> None:
        """Store one run of a task."""
        task = clean(task_description)
        if not task.strip():
            log.debug("LongTermStorage: a task without a description is not stored")
            return
        self.store.add_many([task_record(task, metadata, str(datetime), score, self.scope)])

    async def asave(
        self, task_description: str, metadata: dict[str, Any], datetime: str, score: float
    ) -> None:
        """`save`, without blocking the event loop."""
        await asyncio.to_thread(self.save, task_description, metadata, datetime, score)

    @logged
    def load(self, task_description: str, latest_n: int) -> list[dict[str, Any]] | None:
        """Return runs of this task, or of similar tasks, or None.

        Runs of this task are sorted newest first; of the same time, lowest score first.
        """
        task = clean(task_description)
        if latest_n == 0 or not task.strip():
            return None
        exact = self.store.list(None, 0, scope=self.scope, where={TASK: _digest(task)})
        runs = [_run(record) for record in exact]
        runs.sort(key=lambda run: run["score"])
        runs.sort(key=lambda run: run["datetime"], reverse=True)
        if latest_n > 0:
            runs = runs[:latest_n]
            if not runs and self.similar is not None:
                hits = self.store.search(task, latest_n, scope=self.scope)
                runs = [_run(hit.record) for hit in hits if similarity(hit) >= self.similar]
        return runs or None

    async def aload(self, task_description: str, latest_n: int) -> list[dict[str, Any]] | None:
        """`load`, without blocking the event loop."""
        return await asyncio.to_thread(self.load, task_description, latest_n)


def legacy_scope(crew: str, kind: str) -> str:
    """The scope of a crew's memories of one kind."""
    return f"/crew/{scope_part(crew)}/{kind}"


def output_record(
    text: str, metadata: dict[str, Any], scope: str, doc_id: str | None = None
) -> dict[str, Any]:
    """The fields of the record for an output.

    The id is derived from the id of the document in CrewAI's Chroma storage (`doc_id`), so that saving or
    importing the output again gives the same record.
    """
    metadata = to_json(metadata)
    content = without_fences(without_boilerplate(text))
    record_id = uuid.uuid5(_NAMESPACE, f"{scope}\n{doc_id or chroma_id(text, metadata)}")
    if content != text:
        metadata = {**metadata, OUTPUT: text}
    return {"content": content, "id": str(record_id), "scope": scope, "metadata": metadata}


def chroma_id(text: str, metadata: dict[str, Any]) -> str:
    """The id of the document in CrewAI's Chroma storage."""
    if "doc_id" in metadata:
        return str(metadata["doc_id"])
    named = f"{text}|{json.dumps(metadata, sort_keys=True)}" if metadata else text
    return hashlib.sha256(named.encode()).hexdigest()


def task_record(task: str, metadata: dict[str, Any], datetime: str, score: Any, scope: str) -> dict[str, Any]:
    """The fields of the record for one run of a task."""
    score = _number(score)
    kept = {
        **to_json(metadata or {}),
        TASK: _digest(task),
        DATETIME: clean(datetime),
        SCORE: score,
    }
    fields: dict[str, Any] = {"content": task, "scope": scope, "metadata": kept}
    if score is not None and 0 <= score <= 10:
        fields["importance"] = score / 10
    if (moment := _moment(datetime)) is not None:
        fields["created_at"] = moment
    return fields


def _number(score: Any) -> float | None:
    """The score as a number, or None if it is not finite or not a number."""
    try:
        number = float(score)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _moment(datetime: str) -> dates.datetime | None:
    try:
        return dates.datetime.fromtimestamp(float(datetime), dates.timezone.utc)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        moment = dates.datetime.fromisoformat(datetime)
    except ValueError:
        return None
    return aware(moment)


def _digest(task: str) -> str:
    return hashlib.blake2b(task.encode(), digest_size=16).hexdigest()


def _result(record: Record, score: float) -> dict[str, Any]:
    metadata = record.metadata
    content = metadata.get(OUTPUT, record.content)
    return {
        "id": record.id,
        # Versions of CrewAI read different keys: 0.130 to 0.150 read "memory" of external memories.
        "content": content,
        "context": content,
        "memory": content,
        "metadata": public_metadata(metadata),
        "score": score,
    }


def _run(record: Record) -> dict[str, Any]:
    kept = record.metadata
    # CrewAI iterates over the suggestions of each run. If it cannot, it drops all memories of the task.
    suggestions = kept.get("suggestions") or []
    if not isinstance(suggestions, list):
        suggestions = [str(suggestions)]
    return {
        "metadata": {**public_metadata(kept), "suggestions": suggestions},
        "datetime": kept.get(DATETIME, ""),
        "score": _number(kept.get(SCORE)) or 0.0,
    }


def _warn_if_ignored(storage: type[LegacyStorage]) -> None:
    try:
        installed = tuple(int(part) for part in packages.version("crewai").split(".")[:2])
    except (packages.PackageNotFoundError, ValueError):
        return
    if installed >= (1, 10):
        message = (
            f"{storage.__name__} is for crewai <= 1.9.3; crewai {packages.version('crewai')} ignores it. "
            "Use Crew(..., **agentmem.crewai.crew_memory(path)) or agentmem.crewai.install(path)"
        )
        log.warning(message)
        # The warning points at the caller's line, also if the storage class has a constructor of its own.
        warnings.warn(message, stacklevel=3 + ("__init__" in vars(storage)))
