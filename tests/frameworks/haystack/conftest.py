import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # read when Haystack is imported

import pytest

from agentmem.haystack import AgentMemDocumentStore


@pytest.fixture
def document_store(store):
    return AgentMemDocumentStore(store)
