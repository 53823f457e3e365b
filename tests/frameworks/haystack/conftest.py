import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # read when Haystack is imported

import pytest

import agentmem
from agentmem.haystack import AgentMemDocumentStore


@pytest.fixture
def store(path):
    with agentmem.open(path, durability="normal") as store:
        yield store


@pytest.fixture
def document_store(store):
    return AgentMemDocumentStore(store)
