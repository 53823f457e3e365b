"""A plugin of pytest for CrewAI's own tests: each has a home of its own and, with AGENTMEM_SWAP=1, agentmem.

CrewAI's classes are replaced before its tests import them.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

SWAP = os.environ.get("AGENTMEM_SWAP") == "1"


def swap(name, ours, *modules):
    """Put a class of ours in the place of CrewAI's, wherever it has been imported."""
    theirs = getattr(import_module(modules[0]), name)
    for module in list(sys.modules.values()):
        if vars(module).get(name) is theirs and module.__name__.startswith("crewai."):
            setattr(module, name, ours)


def cache_handler():
    """CrewAI's cache of tool results takes no arguments; ours finds its store by itself."""
    from agentmem.crewai import AgentMemCacheHandler

    class CacheHandler(AgentMemCacheHandler):
        def __init__(self, **_):
            super().__init__()

    return CacheHandler


if SWAP:
    import crewai

    from agentmem.crewai import AgentMemFlowPersistence, installed

    for package in ("crewai.flow.persistence", "crewai.crew", "crewai.flow.flow"):
        import_module(package)
    swap("SQLiteFlowPersistence", AgentMemFlowPersistence, "crewai.flow.persistence.sqlite")
    swap("CacheHandler", cache_handler(), "crewai.agents.cache.cache_handler")
    crewai.Crew.__private_attributes__["_cache_handler"].default_factory = cache_handler()
    if "crewai.state.provider.sqlite_provider" in sys.modules:
        from agentmem.crewai import AgentMemCheckpointProvider

        swap("SqliteProvider", AgentMemCheckpointProvider, "crewai.state.provider.sqlite_provider")


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("CREWAI_STORAGE_DIR", str(tmp_path / "crewai-home"))
    monkeypatch.setenv("AGENTMEM_PATH", str(tmp_path / "crew.db"))
    monkeypatch.setenv("OPENAI_API_KEY", "fake-key")
    if not SWAP:
        yield
        return
    with installed():
        yield


def pytest_configure(config):
    """Write how each test ended to the file that AGENTMEM_OUTCOMES names."""
    config.pluginmanager.register(Outcomes(Path(os.environ["AGENTMEM_OUTCOMES"])))


class Outcomes:
    def __init__(self, path):
        self.path, self.failed, self.passed = path, {}, set()

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def pytest_sessionfinish(self):
        import json

        passed = sorted(self.passed - self.failed.keys())
        self.path.write_text(json.dumps({"passed": passed, "failed": self.failed}))
