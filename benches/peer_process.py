"""The environments in which `comparison.py` installs its peers, and the processes that it starts there."""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from peers import MODEL, QUESTION, TEXTS, Peer

QUIET = {"ANONYMIZED_TELEMETRY": "False", "HF_HUB_OFFLINE": "1", "RUST_LOG": "error"}
ANSWER_SECONDS = 900


class PeerError(Exception):
    """A peer's process answered with an error, or ended."""


class Environment:
    """Where a peer is installed."""

    def __init__(self, peer: type[Peer], folder: Path, agentmem: str) -> None:
        self.peer = peer
        self.folder = folder / peer.name.replace(" ", "-")
        self.python = str(self.folder / "bin" / "python")
        self._agentmem = agentmem

    def install(self) -> dict[str, Any]:
        """Make it, unless it is there; what that took."""
        noted = self.folder / "installed.json"
        if noted.exists():
            return json.loads(noted.read_text(encoding="utf-8"))
        subprocess.run(
            [_python(self.peer), "-m", "venv", "--clear", "--without-pip", self.folder], check=True
        )
        wanted = [self._agentmem if name == "agentmem-db" else name for name in self.peer.install]
        found = self._pip(wanted)
        (packages,) = self.folder.glob("lib/python*/site-packages")
        found["mb"] = round(sum(path.lstat().st_blocks * 512 for path in packages.rglob("*")) / 1e6)
        if self.peer.model and "error" not in found:
            found |= self._pip([self._agentmem, *MODEL])
        noted.write_text(json.dumps(found), encoding="utf-8")
        return found

    def _pip(self, wanted: list[str]) -> dict[str, Any]:
        """Install packages; an error is pip's last line."""
        if not wanted:
            return {}
        pip = [sys.executable, "-m", "pip", "--python", str(self.folder), "install", "--quiet"]
        done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        return {"error": errors[-1]} if done.returncode else {}

    def first_hit(self) -> dict[str, Any]:
        """Run the shortest program: its lines, and the error if it has no hit."""
        program = self.peer.first_hit.strip()
        code = f"TEXTS, QUESTION = {list(TEXTS)!r}, {QUESTION!r}\n{program}"
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [self.python, "-c", code],
                cwd=folder,
                capture_output=True,
                text=True,
                env=os.environ | QUIET,
                check=False,
            )
        found: dict[str, Any] = {"lines": len(program.splitlines())}
        if TEXTS[0] not in done.stdout:
            found["error"] = (done.stderr.strip().splitlines() or ["no hit"])[-1][:160]
        return found


def _python(peer: type[Peer]) -> str:
    """The Python of its environment: this one, or the system's if only that one loads extensions."""
    other = Path("/usr/bin/python3")
    unable = peer.extensions and not hasattr(sqlite3.Connection, "enable_load_extension")
    return str(other) if unable and other.exists() else sys.executable


class Process:
    """A process of an environment with a store in a folder."""

    def __init__(self, environment: Environment, folder: Path, *around: str) -> None:
        worker = [
            environment.python,
            str(Path(__file__).with_name("peer_worker.py")),
            environment.peer.name,
            str(folder),
        ]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (`__exit__` closes it)
        self._process = subprocess.Popen(
            [*around, *worker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=folder.parent,
            env=os.environ | QUIET,
        )

    def send(self, do: str, *arguments: Any) -> None:
        """Begin a call."""
        line = json.dumps({"do": do, "arguments": arguments}) + "\n"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(self._end()) from None

    def answer(self) -> Any:
        """Wait for the call's value."""
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise PeerError(self._end() if ready else f"no answer in {ANSWER_SECONDS} seconds")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer["value"]

    def call(self, do: str, *arguments: Any) -> Any:
        """Make a call."""
        self.send(do, *arguments)
        return self.answer()

    def _end(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        ended = signal.Signals(-code).name if code < 0 else f"code {code}"
        return f"the process ended ({ended}) {lines[-1][:120] if lines else ''}".strip()

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        """Let it end by itself, or else kill it."""
        try:
            self._process.stdin.close()
            self._process.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.kill()
        self._process.stdout.close()
        self._errors.close()


def opened(environment: Environment, folder: Path, *around: str) -> Process:
    """A process whose store is open."""
    process = Process(environment, folder, *around)
    try:
        process.call("open")
    except PeerError:
        process.kill()
        raise
    return process
