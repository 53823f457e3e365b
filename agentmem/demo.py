"""The demo: one process stores a real conversation, and another searches it.

`python -m agentmem demo` runs it. It needs no key, no network and no model, and leaves nothing behind.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import agentmem
from agentmem.cli.terminal import console, one_line
from agentmem.types import Mode

if TYPE_CHECKING:
    from rich.console import Console

DAY = datetime(1972, 9, 18, tzinfo=timezone.utc)
"""The day of the conversation. The hour is not known; each turn is dated one second after the one before."""

SCOPE = "/arpanet/rfc439"

QUESTIONS: list[tuple[str, Mode]] = [
    ("why does he avoid the racetrack now?", "hybrid"),
    ("bookie who did not pay", "bm25"),
    ("the mafia, the mob and the rackets", "tfidf"),
    ("gamblers", "vector"),
]


def utterances() -> Iterator[dict[str, Any]]:
    """The turns of the bundled conversation, as fields of records."""
    text = files("agentmem").joinpath("data/rfc439.txt").read_text("utf-8")
    text = re.sub(r"\n+Cerf +\[Page \d\]\s+RFC 439 .*\n", "\n\n", text)
    dialogue = text.partition("Good Evening.")[1:]
    paragraphs = re.split(r"\n\s*\n", "".join(dialogue).partition("PARRY was running")[0].strip())
    for turn, paragraph in enumerate(" ".join(paragraph.split()) for paragraph in paragraphs):
        speaker = "PARRY" if paragraph.startswith("*") else "DOCTOR"
        if paragraph.startswith("comment:"):
            speaker = "Cerf"
        yield {
            "content": paragraph.removeprefix("*").removeprefix("comment: "),
            "scope": SCOPE,
            "categories": [speaker],
            "metadata": {"speaker": speaker, "turn": turn},
            "created_at": DAY + timedelta(seconds=turn),
        }


def embed(texts: list[str]) -> list[list[float]]:
    """Make vectors by hashing the sequences of three letters in each text. A toy in place of a real model."""
    return [_trigrams(text.lower()) for text in texts]


def _trigrams(text: str) -> list[float]:
    vector = [0.0] * 256
    for start in range(len(text) - 2):
        vector[zlib.crc32(text[start : start + 3].encode()) % 256] += 1.0
    length = math.hypot(*vector) or 1.0
    return [weight / length for weight in vector] if any(vector) else [1.0, *vector[1:]]


def run(kept: str | None = None, as_json: bool = False) -> None:
    """Store the conversation in the file `kept`, or a temporary one, and let a second process search it."""
    out = console(quiet=as_json)
    with tempfile.TemporaryDirectory(prefix="agentmem-demo-") as folder:
        path = kept or os.path.join(folder, "demo.db")
        start = time.perf_counter()
        with agentmem.open(path, embedder=embed) as store:
            count = len(store.add_many(utterances()))
        seconds = time.perf_counter() - start
        out.print(
            "[bold]PARRY meets the DOCTOR[/]: on 18 September 1972 two programs talked over the ARPANET "
            "(RFC 439)."
        )
        stored = (
            f"Process {os.getpid()} stored their {count} utterances in {seconds:.2f} s and closed {path}."
        )
        out.print(one_line(stored), "\n", markup=False, sep="")
        sys.stdout.flush()
        recalling = [sys.executable, "-m", "agentmem.demo", path, *(["--json"] if as_json else [])]
        code = subprocess.run(recalling, check=False).returncode
    if code:
        sys.exit(code)
    _what_next(out, kept)


def recall(path: str, as_json: bool = False) -> None:
    """Search the stored conversation in each mode. The second process does this."""
    out = console(quiet=as_json)
    start = time.perf_counter()
    with agentmem.open(path) as store:
        store.search("hello", limit=1)
        milliseconds = 1000 * (time.perf_counter() - start)
        out.print(f"Process {os.getpid()} opened it and searched, in {milliseconds:.0f} ms. It asks:\n")
        searches = [_ask(store, question, mode) for question, mode in QUESTIONS]
        searches.append(_ask(store, "what did PARRY say about trust?", "hybrid", {"speaker": "PARRY"}))
        if as_json:
            sys.stdout.write(json.dumps({"records": store.count(), "searches": searches}) + "\n")
    for search in searches:
        _show(out, **search)


def _ask(
    store: agentmem.MemoryStore, question: str, mode: Mode, where: dict[str, Any] | None = None
) -> dict[str, Any]:
    vector = embed([question])[0] if mode == "vector" else None
    hits = store.search(question, limit=3, mode=mode, vector=vector, where=where)
    found = [
        {
            "score": hit.score,
            "speaker": hit.record.metadata["speaker"],
            "content": hit.record.content,
            "explain": hit.explain,
        }
        for hit in hits
    ]
    return {"query": question, "mode": mode, "where": where, "hits": found}


def _show(
    out: Console, query: str, mode: Mode, where: dict[str, Any] | None, hits: list[dict[str, Any]]
) -> None:
    from rich.table import Table

    call = f'search("{query}", mode="{mode}"' + (f", where={where})" if where else ")")
    table = Table(title=call, title_justify="left", title_style="bold cyan", box=None, padding=(0, 2, 0, 0))
    for heading in ("score", "who", "said", "why it matched"):
        table.add_column(heading, justify="left", header_style="dim", overflow="fold")
    for hit in hits:
        why = ", ".join(f"{name} {value:.2f}" for name, value in hit["explain"].items())
        table.add_row(f"{hit['score']:.2f}", hit["speaker"], hit["content"], why)
    out.print(table)
    out.print()


def _what_next(out: Console, kept: str | None) -> None:
    inspect = f"agentmem inspect --path {shlex.quote(kept or 'demo.db')}"
    out.print("[bold]Look into this store with a browser[/]:\n")
    out.print("  pip install 'agentmem-db[inspect]'", markup=False)
    keep = "" if kept else "agentmem demo --path demo.db && "
    out.print("  ", one_line(keep + inspect), "\n", markup=False, sep="")
    out.print("[bold]Now your own[/]:", end="\n\n")
    out.print("  agentmem add 'Alice prefers email over phone.' --scope /user/alice", markup=False)
    out.print("  agentmem search 'how do I reach alice?'", markup=False)
    out.print("\nor, in Python:\n")
    out.print('  import agentmem\n  store = agentmem.open("memory.db")', markup=False)
    out.print('  store.add("Alice prefers email over phone.", scope="/user/alice")', markup=False)
    out.print('  print(store.search("how do I reach alice?")[0].record.content)', markup=False)


if __name__ == "__main__":
    recall(sys.argv[1], as_json="--json" in sys.argv)
