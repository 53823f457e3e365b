"""A PostgreSQL server for tests, on a port of its own, started as a user without privileges."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path

import agentmem

# Debian keeps the server's programs out of the PATH, and puts a slow wrapper around psql into it.
FOLDERS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


def program(name: str) -> str | None:
    """The path of one of the server's programs, if it is installed."""
    for folder in FOLDERS:
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


# Whether tests keep stores here. The option --postgres sets it, or a variable, which also reaches the tests
# that frameworks have.
chosen = "AGENTMEM_POSTGRES" in os.environ


@cache
def shared() -> Server:
    """The server of all tests that need none of their own."""
    server = Server()
    atexit.register(server.remove)
    return server


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def place(file: Path | str) -> Path | str:
    """Where the test of an adapter keeps a store: in this file, or in a database that stands for it."""
    return _standing_for(os.path.abspath(file)) if chosen else file


@cache
def _standing_for(file: str) -> str:
    """A store in which the first part of a scope names a space, or more parts."""
    return shared().store(space_depth=int(os.environ.get("AGENTMEM_SPACE_DEPTH", "1")))


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Look again and again until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


class Server:
    """A server that can be stopped, killed and started again."""

    user = "postgres"

    def __init__(
        self,
        *settings: str,
        durable: bool = False,
        of: Server | None = None,
        port: int | None = None,
        log_folder: Path | None = None,
    ) -> None:
        """Make a cluster, or a standby `of` another server, and start it.

        Unless it is durable, it forgets all when the machine fails. Its write-ahead log may have a folder,
        and so a disk, of its own.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="agentmem-postgres-"))
        self.data = self._folder / "data"
        # initdb refuses root.
        self._as = (
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        )
        if self._as:
            shutil.chown(self._folder, "postgres", "postgres")
        self.port = port or free_port()
        quick = [] if durable else ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        common = [
            f"port={self.port}",
            f"unix_socket_directories={self._folder}",
            "listen_addresses=127.0.0.1",
        ]
        self.settings = [*common, *quick, *settings]
        if of:
            self._run("pg_basebackup", "-D", str(self.data), "-d", of.url(), "-R", "-c", "fast", "-N")
        else:
            form = ["-U", self.user, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
            log = ["-X", str(log_folder), "--wal-segsize=1"] if log_folder else []
            self._run("initdb", "-D", str(self.data), *form, *log)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(
                "".join(f"{name} = '{value}'\n" for name, value in (s.split("=", 1) for s in self.settings))
            )
        self.start()

    def _run(self, name: str, *arguments: str) -> str:
        command = [*self._as, str(program(name)), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self._folder)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def url(self, database: str = "postgres", schema: str | None = None, user: str | None = None) -> str:
        """Where a database is; `schema` is what its tables are in."""
        options = f"?options=-csearch_path%3D{schema}" if schema else ""
        return f"postgresql://{user or self.user}@127.0.0.1:{self.port}/{database}{options}"

    def store(self, space_depth: int | None = None, partitions: int = 0) -> str:
        """Make an empty store in a schema of its own; its URL."""
        schema = f"s{uuid.uuid4().hex}"
        self.sql(f"CREATE SCHEMA {schema}")
        url = self.url(schema=schema)
        agentmem.migrate(url, space_depth=space_depth, partitions=partitions)
        return url

    def sql(self, statements: str, database: str = "postgres", user: str | None = None) -> str:
        """Run statements with psql, and return what they print."""
        command = [str(program("psql")), "-XqtA", "-v", "ON_ERROR_STOP=1"]
        command += ["-d", self.url(database, user=user), "-c", statements]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self.data), "-l", log, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: "fast" ends connections, "immediate" is like a crash."""
        self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def enable_checksums(self) -> None:
        """Give each page a checksum, while the server is stopped."""
        self._run("pg_checksums", "--enable", "--no-sync", "-D", str(self.data))

    def kill(self) -> None:
        """Kill all processes of the server at once, as a machine does that loses its power."""
        first = (self.data / "postmaster.pid").read_text().split()[0]
        others = subprocess.run(["ps", "-o", "pid=", "--ppid", first], capture_output=True, text=True)
        for process in [first, *others.stdout.split()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)

    def wait_for_standbys(self) -> None:
        """From now on a write returns when a standby has it too."""
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.sql("SELECT pg_reload_conf()")
        synchronous = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_until(lambda: self.sql(synchronous), seconds=60)

    def promote(self) -> None:
        """Make a standby the primary server."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def remove(self) -> None:
        """Stop the server and delete what it stored."""
        with contextlib.suppress(AssertionError):
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)
