"""Runs the SDK's own session tests over AgentMemSession: `run_official.py FOLDER`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from sources import run_pytest, unpacked

# They need servers or packages of their own, or are about another class.
OTHERS = (
    "advanced_sqlite",
    "async_sqlite",
    "dapr",
    "mongodb",
    "redis",
    "sqlalchemy",
    "sandbox",
    "import_side",
)

source = unpacked(sys.argv[1], "openai-agents")
files = [
    path
    for path in sorted((source / "tests").rglob("test_*.py"))
    if "SQLiteSession" in path.read_text(encoding="utf-8") and not any(name in str(path) for name in OTHERS)
]
run_pytest(source, "official", Path(__file__).parent, *files)
