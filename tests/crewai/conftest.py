"""What the tests of both generations of CrewAI share: no network, no key, a home of their own."""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for `running`
_HOME = tempfile.TemporaryDirectory(prefix="crewai-")  # CrewAI opens files in it when it is imported
os.environ.update(
    CREWAI_STORAGE_DIR=_HOME.name,
    CREWAI_TESTING="true",
    CREWAI_DISABLE_TELEMETRY="true",
    CREWAI_TRACING_ENABLED="false",
    OTEL_SDK_DISABLED="true",
    ANONYMIZED_TELEMETRY="false",
)
for key in ("OPENAI_API_KEY", "AGENTMEM_PATH"):
    os.environ.pop(key, None)

import pytest  # noqa: E402 - CrewAI reads the environment when it is imported
from postgres_server import place  # noqa: E402


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    """CrewAI keeps its own files in a folder of the test, and never calls out."""
    monkeypatch.setenv("CREWAI_STORAGE_DIR", str(tmp_path / "crewai-home"))

    def refuse(*_, **__):
        raise AssertionError("a test tried to use the network")

    monkeypatch.setattr("socket.socket.connect", refuse)


@pytest.fixture
def path(tmp_path):
    """Where a test keeps its store: in a file, or with --postgres in a database with spaces."""
    return str(place(tmp_path / "crew.db"))
