"""Runs the tests of LangGraph's own stores over AgentMemStore: `run_official.py FOLDER`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from sources import run_pytest, unpacked

SUITES = {
    "langgraph-checkpoint": ["test_store.py"],
    "langgraph-checkpoint-sqlite": ["test_store.py", "test_ttl.py", "test_async_store.py"],
    "langgraph-checkpoint-postgres": ["test_store.py", "test_async_store.py"],
}

for package, files in SUITES.items():
    source = unpacked(sys.argv[1], package)
    run_pytest(source, "official", Path(__file__).parent, *(f"tests/{name}" for name in files))
