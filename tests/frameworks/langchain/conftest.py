def pytest_configure(config):
    """The suites of langchain-tests have coroutines without a mark."""
    config.option.asyncio_mode = "auto"
