"""Runs programs of the `examples` folder."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
OFFLINE = """
import runpy, socket, sys

def refuse(*_):
    raise OSError("no network here")

socket.socket.connect = refuse
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def run_example(name, folder):
    """What an example prints, run as it stands in a process without a network."""
    command = [sys.executable, "-c", OFFLINE, str(EXAMPLES / name)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    return result.stdout
