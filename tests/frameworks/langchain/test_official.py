"""The suites of langchain-tests, sync and async."""

import pytest
from langchain_tests.integration_tests import (
    AsyncCacheTestSuite,
    BaseStoreAsyncTests,
    BaseStoreSyncTests,
    RetrieversIntegrationTests,
    SyncCacheTestSuite,
    VectorStoreIntegrationTests,
)

from agentmem.langchain import AgentMemByteStore, AgentMemCache, AgentMemRetriever, AgentMemVectorStore


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def filled(self, store):
        store.add_many([f"Tea number {n} is green." for n in range(5)])
        self.store = store

    @property
    def retriever_constructor(self):
        return AgentMemRetriever

    @property
    def retriever_constructor_params(self):
        return {"store": self.store}

    @property
    def retriever_query_example(self):
        return "green tea"


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, store):
        return AgentMemVectorStore(store, embedding=self.get_embeddings())


class TestVectorStoreThatJoinsTextAndVectors(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, store):
        return AgentMemVectorStore(store, embedding=self.get_embeddings(), mode="hybrid")


class TestByteStore(BaseStoreSyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, store):
        return AgentMemByteStore(store)

    @pytest.fixture
    def three_values(self):
        return b"one", b"", b"\0\xff"


class TestByteStoreAsync(BaseStoreAsyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, store):
        return AgentMemByteStore(store)

    @pytest.fixture
    def three_values(self):
        return b"one", b"", b"\0\xff"


class TestCache(SyncCacheTestSuite):
    @pytest.fixture
    def cache(self, store):
        return AgentMemCache(store)


class TestCacheAsync(AsyncCacheTestSuite):
    @pytest.fixture
    def cache(self, store):
        return AgentMemCache(store)
