"""What an installed agentmem must do at least: `python .ci/smoke.py`."""

import subprocess
import sys
import tempfile
from pathlib import Path

import agentmem

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "memory.db"
    with agentmem.open(path) as store:
        id = store.add("Alice prefers email over phone.", metadata={"topic": "contact"})
        store.add("The staging database is Postgres 15.", embedding=[1.0, 0.0])
    with agentmem.open(path) as store:
        (hit,) = store.search("how do I reach alice?", limit=1)
        assert hit.record.id == id
        (near,) = store.search("", vector=[1.0, 0.1], mode="vector", limit=1)
        assert near.record.content.startswith("The staging")
        assert store.verify()
    demo = [sys.executable, "-m", "agentmem", "demo", "--path", str(Path(folder) / "demo.db")]
    subprocess.run(demo, check=True, stdout=subprocess.DEVNULL)
print(f"agentmem {agentmem.__version__} works on Python {sys.version.split()[0]}")
