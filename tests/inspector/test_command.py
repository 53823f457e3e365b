"""`agentmem inspect` as it is typed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
from inspector.sample import fill

from agentmem.inspect.serve import listening

INSPECT = [sys.executable, "-m", "agentmem", "inspect", "--no-open", "--path"]


def test_it_serves_the_store_until_ctrl_c(path: Path) -> None:
    fill(path, conversation=False)
    with subprocess.Popen([*INSPECT, str(path)], stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.match(r"(http://127\.0\.0\.1:\d+/open\?token=[\w-]+) \(Ctrl-C ends\)", line)
            assert found, line
            with httpx2.Client(follow_redirects=True) as browser:
                assert "Ask Carol" in browser.get(found[1]).text
            again = process.stdout.readline()
            assert again.startswith("Opened. For another browser: http://127.0.0.1:")
            assert found[1] not in again
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_a_missing_store_is_not_created(path: Path) -> None:
    result = subprocess.run([*INSPECT, str(path)], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert not path.exists()


def test_a_port_in_use_is_named(path: Path) -> None:
    fill(path, conversation=False)
    with listening(0) as listener:
        port = str(listener.getsockname()[1])
        result = subprocess.run(
            [*INSPECT, str(path), "--port", port], capture_output=True, text=True, check=False
        )
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: cannot listen on port {port}: ")
