"""What workers say that they did, outside of the store, and what the store must hold because of it.

A worker appends one line of JSON before a piece of work ("begin", with the contents that it will leave in
each place) and one when the store has returned ("done", with the numbers of the entries that it wrote). A
process that is killed between the two leaves an open question: that work may have happened or not, but only
as a whole. "nothing" instead of "done" means that the store said that nothing was written. A place is the id
of a record, or that of an entry in a journal.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import agentmem

Contents = dict[str, str | None]
"""Content by place; None where it was deleted, or has expired."""
ENTRY = "entry "


def entry(journal: str, key: str) -> str:
    """The place of a key, or of a value in a log: workers append no value twice."""
    return f"{ENTRY}{journal} {key}"


def contents_of(store: agentmem.MemoryStore, root: str = "") -> dict[str, str]:
    """What a store holds in a scope and below, by place: all records and all entries."""
    records = store.list(None, scope=root or "/", include_private=True)
    found = {record.id: record.content for record in records}
    for name in store.journals(f"{root}/".removeprefix("/")):
        journal = store.journal(name)
        log, states = journal.read(), journal.items()
        found |= {entry(name, one.value): one.value for one in log}
        found |= {entry(name, one.key): one.value for one in states}
        numbers = [one.number for one in log]
        assert numbers == sorted(set(numbers)), f"the log of {name} is out of order: {numbers}"
    return found


class Log:
    """Appends to a file. A line that was written outlives the process, however it ends."""

    def __init__(self, path: str | Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, who: str, what: str, contents: Contents | list[int] | str) -> None:
        """Write one line in one go."""
        os.write(self._file, (json.dumps([who, what, contents]) + "\n").encode())


class Ledger:
    """All logs together."""

    def __init__(self) -> None:
        self.contents: Contents = {}
        self.acknowledged = 0
        self.lost = 0
        self.revived = 0
        self.reused = 0
        self.by_worker: dict[str, int] = {}
        self._read: dict[Path, int] = {}
        self._open: dict[str, Contents] = {}
        self._expired: set[str] = set()
        self._numbers: set[int] = set()

    def take_in(self, folder: Path) -> None:
        """Read what is new in the logs of a folder. The workers must have ended."""
        for path in sorted(folder.glob("*.log")):
            with path.open("rb") as log:
                log.seek(self._read.get(path, 0))
                for line in log:
                    if not line.endswith(b"\n"):
                        break  # Killed in the middle of a line: it says nothing.
                    self._take(*json.loads(line))
                self._read[path] = log.tell()

    def _take(self, who: str, what: str, noted: Contents | list[int] | str) -> None:
        assert what in ("begin", "done", "nothing", "expired"), f"{who} failed: {noted}"
        if what == "begin":
            assert isinstance(noted, dict)
            self._open[who] = noted
        elif what == "nothing":
            self._open.pop(who, None)
        elif what == "expired":
            self._expired.update(noted)  # type: ignore[arg-type]
        else:
            self.contents.update(self._open.pop(who))
            self.acknowledged += 1
            self.by_worker[who] = self.by_worker.get(who, 0) + 1
            self.reused += sum(number in self._numbers for number in noted)
            self._numbers.update(noted)  # type: ignore[arg-type]

    def check(self, found: dict[str, str]) -> int:
        """Compare with what a store holds, and settle the open questions by it. Returns how many there
        were.
        """
        for who, contents in self._open.items():
            happened = all(found.get(id) == content for id, content in contents.items())
            did_not = all(found.get(id) == self.contents.get(id) for id in contents)
            assert happened or did_not, f"half of a write by {who}: {contents}"
            if happened:
                self.contents.update(contents)
        settled = len(self._open)
        self._open.clear()
        expected = {id: content for id, content in self.contents.items() if content is not None}
        lost = {id: content for id, content in expected.items() if found.get(id) != content}
        self.lost += len(lost)
        revived = self._expired & found.keys()
        self.revived += len(revived)
        assert not revived, f"{len(revived)} expired records are back: {list(revived)[:5]}"
        assert not self.reused, f"{self.reused} numbers of journals were used twice"
        assert not lost, f"{len(lost)} acknowledged writes are lost: {list(lost.items())[:5]}"
        assert found.keys() == expected.keys(), f"from nowhere: {list(found.keys() - expected.keys())[:5]}"
        return settled
