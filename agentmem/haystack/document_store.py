"""Haystack's documents in a scope of a store.

>>> from haystack import Document
>>> from agentmem.haystack import AgentMemDocumentStore
>>> notes = AgentMemDocumentStore("memory.db", scope="/notes")
>>> notes.write_documents([Document(content="Tea is hot.", meta={"day": "2024-05-01"})])
1
>>> notes.filter_documents({"field": "meta.day", "operator": "<", "value": "2024-06-01"})[0].content
'Tea is hot.'
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

from haystack import Document, default_from_dict, default_to_dict
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy

from agentmem import DuplicateIdError, MemoryStore, Record
from agentmem._adapters import Adapter, StoreOrPath, WithStore, completed, retry_on_conflict
from agentmem.store.path import shown
from agentmem.types import FiltersBesideIds, Mode

from ._documents import CATEGORY, record_id, to_document, to_record, with_meta
from ._filters import to_where
from ._values import fields_info, min_max, unique_counts, unique_values

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def _async(
    method: Callable[Concatenate[AgentMemDocumentStore, _Args], _Result],
) -> Callable[Concatenate[AgentMemDocumentStore, _Args], Coroutine[Any, Any, _Result]]:
    """A coroutine that does the same in a thread. A cancelled caller goes on when it has ended."""

    @functools.wraps(method)
    async def call(self: AgentMemDocumentStore, /, *args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        return await completed(asyncio.to_thread(method, self, *args, **kwargs))

    return call


class AgentMemDocumentStore(WithStore):
    """A durable `DocumentStore` in one file, for many processes; filters hold inside agentmem's search.

    Takes a path or an open `MemoryStore`; `None` means the default path of `agentmem.open`. Documents of
    different scopes may have the same id; reads also find those of the scopes below. Of `meta`, values that
    JSON cannot hold become text. Embeddings are kept in single precision, all of one length. Each method has
    a twin `..._async`.
    """

    def __init__(self, store: StoreOrPath = None, *, scope: str = "/documents") -> None:
        """Open the store. Raises InvalidRecordError if `scope` is not one."""
        self._scope = Record("", scope=scope).scope
        self._adapter = Adapter(store)
        self._given = store

    def to_dict(self) -> dict[str, Any]:
        """Return the path and the scope, by which `from_dict` opens the store again, with default options.

        The password of a URL is left out.
        """
        given = self._given
        path = given.path if isinstance(given, MemoryStore) else None if given is None else os.fspath(given)
        data: dict[str, Any] = default_to_dict(self, store=path and shown(path), scope=self._scope)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AgentMemDocumentStore:
        """Open the store that `to_dict` describes."""
        store: AgentMemDocumentStore = default_from_dict(cls, data)
        return store

    # Writing

    def write_documents(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """Write documents, all or none, and return how many. The policy NONE means FAIL.

        Raises DuplicateDocumentError if an id is in use or given twice and the policy is FAIL, and ValueError
        for what is no list of documents. With OVERWRITE, the last document with an id stays.
        """
        if not isinstance(documents, Iterable) or isinstance(documents, str):
            raise ValueError(f"documents must be a list of Documents, not {documents!r}")
        documents = list(documents)
        for document in documents:
            if not isinstance(document, Document):
                raise ValueError(f"documents must be a list of Documents; one is {document!r}")
        records = [to_record(document, self._scope) for document in documents]
        if policy == DuplicatePolicy.SKIP:
            return self._add_new(records)
        if policy == DuplicatePolicy.OVERWRITE:
            self.store.put_many({record.id: record for record in records}.values())
            return len(documents)
        try:
            return len(self.store.add_many(records))
        except DuplicateIdError as error:
            used = next(record.metadata["id"] for record in records if record.id == error.id)
            raise DuplicateDocumentError(f"the id {used!r} is in use or given twice") from error

    def delete_documents(self, document_ids: list[str]) -> None:
        """Delete the documents with these ids. Missing ones are no error."""
        self.store.delete([record_id(self._scope, id) for id in document_ids])

    def delete_all_documents(self) -> None:
        """Delete all documents. Records that are no documents stay."""
        self.store.delete(**self._matching(None))

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        """Delete the documents that match, and return how many."""
        return self.store.delete(**self._matching(to_where(filters)))

    @retry_on_conflict
    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """Merge `meta` into that of the documents that match, all or none, and return how many."""
        records = self.store.list(None, **self._matching(to_where(filters)))
        with self.store.batch() as batch:
            for record in records:
                metadata = with_meta(record.metadata, {**record.metadata["meta"], **meta})
                batch.update(record.id, if_version=record.version, metadata=metadata)
        return len(records)

    # Reading

    def count_documents(self) -> int:
        """Return the number of documents."""
        return self.store.count(**self._matching(None))

    def count_documents_by_filter(self, filters: dict[str, Any] | None) -> int:
        """Return the number of documents that match."""
        return self.store.count(**self._matching(_where(filters)))

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """Return the documents that match, in the order in which they were written. No filter means all."""
        return [to_document(record) for record in self._records(filters)]

    def retrieve(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int = 10,
        *,
        query_embedding: list[float] | None = None,
        mode: Mode = "hybrid",
        min_score: float = 0.0,
    ) -> list[Document]:
        """Return the documents that are relevant to a query, with scores, best first.

        The arguments are those of `MemoryStore.search`. With `query_embedding`, the mode "hybrid" joins hits
        by text and by vector.
        """
        hits = self.store.search(
            query,
            top_k,
            mode=mode,
            vector=query_embedding,
            min_score=min_score,
            **self._matching(_where(filters)),
        )
        return [to_document(hit.record, hit.score) for hit in hits]

    # Values of metadata. Names of fields may begin with "meta." or not.

    def get_metadata_fields_info(self) -> dict[str, dict[str, str]]:
        """Return the type of each field: {"type": "boolean", "int", "float" or "keyword"}."""
        return fields_info(self._metas())

    def get_metadata_field_min_max(self, metadata_field: str) -> dict[str, Any]:
        """Return the least and the greatest value of a field, as "min" and "max"; None if there is none."""
        return min_max(self._metas(), metadata_field)

    def count_unique_metadata_by_filter(
        self, filters: dict[str, Any] | None, metadata_fields: list[str]
    ) -> dict[str, int]:
        """Return how many different values each field has in the documents that match."""
        return unique_counts(self._metas(filters), metadata_fields)

    def get_metadata_field_unique_values(
        self,
        metadata_field: str,
        search_term: str | None = None,
        from_: int = 0,
        size: int = 10,
        filters: dict[str, Any] | None = None,
    ) -> tuple[list[Any], int]:
        """Return a page of the different values of a field, sorted as text, and how many there are.

        `search_term` is part of the text of the values, in any case.
        """
        return unique_values(self._metas(filters), metadata_field, search_term, from_, size)

    write_documents_async = _async(write_documents)
    delete_documents_async = _async(delete_documents)
    delete_all_documents_async = _async(delete_all_documents)
    delete_by_filter_async = _async(delete_by_filter)
    update_by_filter_async = _async(update_by_filter)
    count_documents_async = _async(count_documents)
    count_documents_by_filter_async = _async(count_documents_by_filter)
    filter_documents_async = _async(filter_documents)
    retrieve_async = _async(retrieve)
    get_metadata_fields_info_async = _async(get_metadata_fields_info)
    get_metadata_field_min_max_async = _async(get_metadata_field_min_max)
    count_unique_metadata_by_filter_async = _async(count_unique_metadata_by_filter)
    get_metadata_field_unique_values_async = _async(get_metadata_field_unique_values)

    def _matching(self, where: dict[str, Any] | None) -> FiltersBesideIds:
        return {"scope": self._scope, "categories": CATEGORY, "where": where}

    def _add_new(self, records: list[Record]) -> int:
        with self.store.batch() as batch:
            added = [batch.add(record, on_conflict="skip") for record in records]
        return sum(call.written for call in added)

    def _records(self, filters: dict[str, Any] | None) -> list[Record]:
        """The records that match, in the order of writing."""
        return self.store.list(None, order="written", **self._matching(_where(filters)))

    def _metas(self, filters: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        return (record.metadata["meta"] for record in self._records(filters))


def _where(filters: dict[str, Any] | None) -> dict[str, Any] | None:
    return to_where(filters) if filters else None
