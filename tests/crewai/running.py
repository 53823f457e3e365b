"""Runs programs of the `examples` folder."""

import subprocess
import sys
from pathlib import Path

from postgres_server import place

EXAMPLES = Path(__file__).parents[2] / "examples"
OFFLINE = """
import runpy, socket, sys

def refuse(*_):
    raise OSError("no network here")

socket.socket.connect = refuse
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_example(name, folder):
    """What an example prints, run as it stands in a process without a network, on a store of the test."""
    store = place(folder / "crew.db")
    command = [sys.executable, "-c", OFFLINE, str(EXAMPLES / name), str(store)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stderr
    return result.stdout
