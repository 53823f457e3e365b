"""LangGraph's checkpoints: `compile(checkpointer=)`. Each namespace of a thread is a journal."""

from __future__ import annotations

import asyncio
import builtins
import functools
import heapq
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from agentmem import ConflictError, Journal
from agentmem._adapters import Adapter, StoreOrPath, WithStore, completed, journal_name, scope_part
from agentmem.langgraph._entries import (
    CHECKPOINTS,
    Saved,
    Write,
    checkpoint_key,
    id_part,
    keys_of,
    merge_writes,
    newest_first,
    packed_writes,
    unpacked,
    unpacked_writes,
    writes_prefix,
)

_ROOT = "checkpoints"
_PAGE = 50


class AgentMemSaver(WithStore, BaseCheckpointSaver[int]):
    """A checkpointer for threads, event loops and processes; everything that is written is durable.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`.
    """

    def __init__(self, store: StoreOrPath = None, *, serde: SerializerProtocol | None = None) -> None:
        """Open the store. `serde` writes states as bytes, and may encrypt them."""
        super().__init__(serde=serde)
        self._adapter = Adapter(store)

    # Reading

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that the config names, or the newest of its thread and namespace."""
        thread, namespace, id = _address(config)
        journal = self._journal(thread, namespace or "")
        if id:
            value = journal.get(checkpoint_key(id))
        else:
            value = next((entry.value for entry in journal.items(CHECKPOINTS, reverse=True, limit=1)), None)
        return None if value is None else self._tuple(unpacked(value))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, newest first: of a thread's namespace, of a thread, or of all threads.

        `filter` has metadata that must be equal.
        """
        thread, namespace, id = _address(config) if config else (None, None, None)
        if thread is None or namespace is None:
            journals = self._journals(thread)
        else:
            journals = [self._journal(thread, namespace)]
        end = get_checkpoint_id(before) if before else None
        page = _PAGE if limit is None else max(1, min(limit, _PAGE))
        lists = [newest_first(journal, end, page) for journal in journals]
        newest = heapq.merge(*lists, key=lambda saved: saved.id, reverse=True)
        matching = (each for each in newest if id in (None, each.id) and self._has(each, filter or {}))
        return map(self._tuple, islice(matching, limit))

    def _has(self, saved: Saved, expected: Mapping[str, Any]) -> bool:
        metadata = self._metadata(saved) if expected else {}
        return all(metadata.get(key) == value for key, value in expected.items())

    def _tuple(self, saved: Saved) -> CheckpointTuple:
        tasks = self._journal(saved.thread, saved.namespace).items(writes_prefix(saved.id))
        writes = [write for task in tasks for write in unpacked_writes(task.value)]
        writes.sort(key=lambda write: writes_sort_key(write.path, write.task, write.place))
        return CheckpointTuple(
            _config(saved.thread, saved.namespace, saved.id),
            self.serde.loads_typed(saved.checkpoint),
            self._metadata(saved),
            _config(saved.thread, saved.namespace, saved.parent) if saved.parent else None,
            [(write.task, write.channel, self.serde.loads_typed(write.value)) for write in writes],
        )

    # Writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint, and return its config. The config that is given names its parent."""
        thread, namespace, parent = _address(config)
        state = self.serde.dumps_typed(checkpoint)
        about = self.serde.dumps_typed(get_checkpoint_metadata(config, metadata))
        saved = Saved(thread, namespace or "", checkpoint["id"], parent, state, about)
        self._journal(thread, saved.namespace).put(checkpoint_key(saved.id), saved.packed())
        return _config(thread, saved.namespace, saved.id)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a task has written since a checkpoint.

        What it writes again is ignored, but for errors, interrupts and the like, which replace the old ones.
        """
        thread, namespace, id = _address(config)
        new: dict[int, Write] = {}
        for number, (channel, value) in enumerate(writes):
            place = WRITES_IDX_MAP.get(channel, number)
            new[place] = Write(task_id, task_path, place, channel, self.serde.dumps_typed(value))
        journal = self._journal(thread, namespace or "")
        key = writes_prefix(str(id)) + scope_part(task_id)
        try:
            journal.put(key, packed_writes([*new.values()]), if_number=0)
        except ConflictError:
            merge_writes(journal, key, new)

    def delete_thread(self, thread_id: str) -> None:
        """Delete all checkpoints of a thread."""
        with self.store.batch() as batch:
            for journal in self._journals(thread_id):
                batch.journal(journal.name).clear()

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that these runs have written. This reads all checkpoints of the store."""
        runs = set(run_ids)
        with self.store.batch() as batch:
            for journal in self._journals() if runs else ():
                saved = newest_first(journal, None, _PAGE)
                written = {id_part(each.id) for each in saved if self._metadata(each).get("run_id") in runs}
                batch.journal(journal.name).delete(keys_of(journal, written))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all checkpoints of a thread to another one."""
        target = journal_name(_ROOT, str(target_thread_id))
        with self.store.batch() as batch:
            for journal in self._journals(source_thread_id):
                copy = batch.journal(f"{target}/{journal.name.rpartition('/')[2]}")
                for entry in journal.items():
                    value = entry.value
                    if str(entry.key).startswith(CHECKPOINTS):
                        value = unpacked(value)._replace(thread=str(target_thread_id)).packed()
                    copy.put(str(entry.key), value)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete all checkpoints of threads but the newest of each namespace, or with "delete" all.

        What a `DeltaChannel` is rebuilt from stays. The namespace of a call of a subgraph leaves with the
        checkpoint that it was called from. A run may go on meanwhile.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f'strategy must be "keep_latest" or "delete", not {strategy!r}')
        for thread_id in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread_id)
            else:
                self._keep_latest(thread_id)

    def _keep_latest(self, thread_id: str) -> None:
        root = self._journal(str(thread_id), "")
        called_from: set[str] = set()  # checkpoints of the root graph that leave
        with self.store.batch() as batch:
            for journal in sorted(self._journals(thread_id), key=lambda each: each.name != root.name):
                newest = next(newest_first(journal, None, 1), None)
                if newest is None:
                    continue
                caller = (self._metadata(newest).get("parents") or {}).get("", "")
                if ":" in newest.namespace and id_part(caller) in called_from:
                    batch.journal(journal.name).clear()
                    continue
                old = {key.removeprefix(CHECKPOINTS) for key in journal.keys(CHECKPOINTS)}
                old -= {id_part(id) for id in self._needed(journal, newest)}
                called_from |= old if journal.name == root.name else set()
                batch.journal(journal.name).delete(keys_of(journal, old))

    def _needed(self, journal: Journal, saved: Saved) -> set[str]:
        """A checkpoint, and those before it that have what its `DeltaChannel`s are rebuilt from."""
        ids = {saved.id}
        channels = set(self._metadata(saved).get("counters_since_delta_snapshot") or ())
        while channels and saved.parent and (value := journal.get(checkpoint_key(saved.parent))):
            saved = unpacked(value)
            ids.add(saved.id)
            channels -= self.serde.loads_typed(saved.checkpoint)["channel_values"].keys()
        return ids

    # asyncio

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As `get_tuple`."""
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As `list`."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (each := await asyncio.to_thread(next, found, None)) is not None:
            yield each

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As `put`. A write that has begun ends before a cancelled caller goes on; so do those below."""
        return await completed(asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As `put_writes`."""
        await completed(asyncio.to_thread(self.put_writes, config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """As `delete_thread`."""
        await completed(asyncio.to_thread(self.delete_thread, thread_id))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As `delete_for_runs`."""
        await completed(asyncio.to_thread(self.delete_for_runs, run_ids))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As `copy_thread`."""
        await completed(asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As `prune`."""
        await completed(asyncio.to_thread(self.prune, thread_ids, strategy=strategy))

    # Journals

    def _journal(self, thread: str, namespace: str) -> Journal:
        return self.store.journal(_name(thread, namespace))

    def _journals(self, thread: str | None = None) -> builtins.list[Journal]:
        """The journals of a thread, or of all threads."""
        prefix = journal_name(_ROOT) if thread is None else journal_name(_ROOT, str(thread))
        return [self.store.journal(name) for name in self.store.journals(f"{prefix}/")]

    def _metadata(self, saved: Saved) -> dict[str, Any]:
        return dict(self.serde.loads_typed(saved.metadata))


_name = functools.lru_cache(maxsize=4096)(functools.partial(journal_name, _ROOT))


def _address(config: RunnableConfig) -> tuple[str, str | None, str | None]:
    """Thread, namespace and id of a checkpoint; None for what the config does not name."""
    named = config["configurable"]
    return str(named["thread_id"]), named.get("checkpoint_ns"), named.get("checkpoint_id")


def _config(thread: str, namespace: str, id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": id}}
