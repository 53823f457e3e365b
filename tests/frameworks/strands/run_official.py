"""Runs Strands' tests of its own memory store over AgentMemMemoryStore: `run_official.py FOLDER`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from sources import run_pytest, unpacked

source = unpacked(sys.argv[1], "strands-agents")
tests = source / "tests" / "strands" / "vended_memory_stores" / "test_memory_store" / "test_store.py"
run_pytest(source, "official", Path(__file__).parent, tests)
