"""`agentmem mcp`: serve a memory to Claude, Cursor, VS Code and other MCP clients."""

from __future__ import annotations

import os
import secrets
import signal
from pathlib import Path
from typing import Any

import click

import agentmem
from agentmem.cli.group import Failure
from agentmem.cli.options import Integer
from agentmem.cli.output import say
from agentmem.cli.served import served_path, served_path_option

MEMORY_FILE = "MEMORY_FILE_PATH"
TOKEN = "AGENTMEM_MCP_TOKEN"


@click.command("mcp")
@served_path_option
@click.option("--scope", "-s", default="/", show_default=True, help="Serve this scope; clients see no other.")
@click.option("--http", type=Integer(0, 65535), metavar="PORT", help="Serve HTTP instead of stdio.")
@click.option("--read-only", is_flag=True, help="Offer only tools that read.")
@click.option(
    "--tools",
    default="graph,notes",
    show_default=True,
    help="Families of tools: the knowledge graph of the reference memory server, and plain notes.",
)
def command(path: str | None, scope: str, http: int | None, read_only: bool, tools: str) -> None:
    """Serve the memory to MCP clients, over stdio, or over HTTP on this machine.

    A client starts this command by itself; see docs/frameworks/mcp.md for its configuration. Any number of
    servers may use one file. Over HTTP, clients send the token of $AGENTMEM_MCP_TOKEN, or the one that is
    printed.

    If $MEMORY_FILE_PATH names the file of the reference memory server, that is imported once. The store is
    beside it then, unless a path is given.

    \b
    agentmem mcp
    agentmem mcp --path team.db --scope /project --tools notes
    agentmem mcp --http 8765
    """
    try:
        from agentmem.mcp import create_server, sdk  # noqa: F401  before a file is made
    except ImportError as error:
        raise Failure(error) from error

    memory_file = _memory_file()
    families = [name.strip() for name in tools.split(",")]
    if path is None and memory_file is not None:
        path = str(memory_file.with_suffix(".db"))
    with agentmem.open(served_path(path, create=not read_only), read_only=read_only) as store:
        server = create_server(store, scope=scope, read_only=read_only, tools=families)
        if memory_file is not None and not read_only:
            _import(store, memory_file, scope)
        _serve_stdio(server, store) if http is None else _serve_http(server, http)


def _memory_file() -> Path | None:
    """The file of the reference server, if there is one."""
    name = os.environ.get(MEMORY_FILE, "")
    path = Path(name).expanduser().absolute()
    return path if path.suffix in (".json", ".jsonl") else None


def _import(store: agentmem.MemoryStore, path: Path, scope: str) -> None:
    from agentmem.mcp.importer import import_once

    if not path.exists():
        return
    report = import_once(store, path, scope)
    if report is not None:
        for problem in report.problems:
            say(problem, err=True)
        say(f"imported {report.additions()} from {path}, which is left as it is", err=True)


def _serve_stdio(server: Any, store: agentmem.MemoryStore) -> None:
    import anyio

    def end(signum: int, frame: Any) -> None:
        # A thread waits for the next line of stdin, and nothing else ends it.
        store.close()
        os._exit(128 + signum)

    signal.signal(signal.SIGINT, end)
    anyio.run(server.run_stdio_async)


def _serve_http(server: Any, port: int) -> None:
    import anyio

    from agentmem.mcp.http import listen, serve_http

    listener = listen(port)
    token = os.environ.get(TOKEN)
    say(f"serving http://127.0.0.1:{listener.getsockname()[1]}/mcp", err=True)
    if not token:
        token = secrets.token_urlsafe(32)
        say(f"clients send the header Authorization: Bearer {token}", err=True)
    try:
        anyio.run(serve_http, server, listener, token)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
