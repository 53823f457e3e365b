"""Runs the SDK's own tests of its memory tools over agentmem's: `run_official.py FOLDER`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from sources import run_pytest, unpacked

source = unpacked(sys.argv[1], "anthropic")
# Without the SDK's conftest and options, which are for its HTTP clients and need more packages.
plain = ["--noconftest", "-o", "addopts="]
run_pytest(
    source, "official", Path(__file__).parent, *plain, "tests/lib/tools/memory_tools/test_filesystem.py"
)
