import pytest

import agentmem


def pytest_configure(config):
    """The suites of langchain-tests have coroutines without a mark."""
    config.option.asyncio_mode = "auto"


@pytest.fixture
def store(path):
    with agentmem.open(path, durability="normal") as store:
        yield store
