"""Fixtures for tests with the real programs."""

import os

import pytest

import agentmem

# Set before the programs are imported: they ask for it then.
os.environ |= {"MEM0_TELEMETRY": "False", "ANONYMIZED_TELEMETRY": "False"}


@pytest.fixture
def store(path):
    with agentmem.open(path, durability="normal") as store:
        yield store
