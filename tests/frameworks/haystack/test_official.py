"""The mixins of haystack.testing, sync and async."""

import struct
from dataclasses import replace

import pytest
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.testing import document_store as mixins
from haystack.testing import document_store_async as async_mixins


def single_precision(document):
    if document.embedding is None:
        return document
    numbers = f"{len(document.embedding)}f"
    return replace(
        document, embedding=list(struct.unpack(numbers, struct.pack(numbers, *document.embedding)))
    )


class TestDocumentStore(
    mixins.DocumentStoreBaseExtendedTests,
    mixins.CountDocumentsByFilterTest,
    mixins.CountUniqueMetadataByFilterTest,
    mixins.GetMetadataFieldsInfoTest,
    mixins.GetMetadataFieldMinMaxTest,
    mixins.GetMetadataFieldUniqueValuesTest,
    async_mixins.DeleteAllAsyncTest,
    async_mixins.CountDocumentsAsyncTest,
    async_mixins.CountDocumentsByFilterAsyncTest,
    async_mixins.CountUniqueMetadataByFilterAsyncTest,
    async_mixins.DeleteByFilterAsyncTest,
    async_mixins.UpdateByFilterAsyncTest,
    async_mixins.WriteDocumentsAsyncTest,
    async_mixins.DeleteDocumentsAsyncTest,
    async_mixins.GetMetadataFieldsInfoAsyncTest,
    async_mixins.GetMetadataFieldMinMaxAsyncTest,
    async_mixins.GetMetadataFieldUniqueValuesAsyncTest,
    async_mixins.FilterDocumentsAsyncTest,
):
    @pytest.fixture
    def document_store(self, document_store):
        return document_store

    @staticmethod
    def assert_documents_are_equal(received, expected):
        """The store keeps embeddings in single precision."""
        assert received == [single_precision(document) for document in expected]

    def test_write_documents(self, document_store):
        document = Document(content="text")
        assert document_store.write_documents([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            document_store.write_documents([document])

    @pytest.mark.asyncio
    async def test_write_documents_async(self, document_store):
        document = Document(content="text")
        assert await document_store.write_documents_async([document]) == 1
        with pytest.raises(DuplicateDocumentError):
            await document_store.write_documents_async([document])
