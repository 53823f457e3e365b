"""A disk that forgets what was not synced, played back from what `power.c` noted of a process.

A file that was written keeps what was there at its last sync, and of the writes since then whatever
chance picks: none, all, some, or single sectors of them. New names, renamed and removed ones last once their
folder was synced; of those since then a beginning is kept, as journalling file systems do.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

SECTOR = 512
HEAD = struct.Struct("<cQQII")


@dataclass(frozen=True)
class Event:
    """One thing that a process asked of the disk."""

    kind: str
    """c(reated), d (new folder), w(ritten), t(runcated), s(ynced), r(enamed), u (removed)."""
    file: int
    offset: int
    first: bytes
    """A path, in most kinds."""
    second: bytes
    """Data, or the new path."""

    @property
    def path(self) -> PurePath:
        """What it is about."""
        return PurePath(self.first.decode())


def read_trace(path: Path) -> Iterator[Event]:
    """The events in order; one that was cut off by a kill is left out."""
    data, at = path.read_bytes(), 0
    while at + HEAD.size <= len(data):
        kind, file, offset, a, b = HEAD.unpack_from(data, at)
        at += HEAD.size
        if at + a + b <= len(data):
            yield Event(kind.decode(), file, offset, data[at : at + a], data[at + a : at + a + b])
        at += a + b


@dataclass
class File:
    """What is safe, and what came since."""

    safe: bytearray = field(default_factory=bytearray)
    since: list[Event] = field(default_factory=list)

    def sync(self) -> None:
        """Power loss takes nothing of this any more."""
        for event in self.since:
            apply(self.safe, event, lambda: True)
        self.since.clear()

    def after(self, survival: float) -> bytearray:
        """What a power cut leaves, if each write survives with this probability."""

        def survives() -> bool:
            return random.random() < survival

        left = bytearray(self.safe)
        kind = "each" if survival == 1 else random.choice(["each", "prefix", "sectors"])
        last = random.randint(0, len(self.since)) if kind == "prefix" else len(self.since)
        for event in self.since[:last]:
            if kind == "sectors":
                apply(left, event, survives)
            elif survives():
                apply(left, event, lambda: True)
        return left


def apply(data: bytearray, event: Event, survives: Callable[[], bool]) -> None:
    """One write or truncation, of a write the sectors that survive."""
    if event.kind == "t":
        if survives():
            del data[event.offset :]
            data.extend(bytes(event.offset - len(data)))
        return
    end = event.offset + len(event.second)
    start = event.offset
    while start < end:
        stop = min((start // SECTOR + 1) * SECTOR, end)
        if survives():
            data.extend(bytes(max(0, stop - len(data))))
            data[start:stop] = event.second[start - event.offset : stop - event.offset]
        start = stop


class Disk:
    """The files of a folder, as far as they are safe."""

    def __init__(self, folder: Path, spared: PurePath) -> None:
        """Starts with what is there. `spared` stands for an observer: it loses nothing."""
        self.folder, self.spared = folder, spared
        self.files: dict[int, File] = {}
        self.names: dict[PurePath, int] = {}
        self.fresh: list[Event] = []
        self.observed: set[int] = set()
        for path in sorted(folder.rglob("*")):
            file = path.stat().st_ino
            self.names[path] = file
            if path.is_file():
                self.files[file] = File(bytearray(path.read_bytes()))

    def take(self, event: Event) -> None:
        """Go on by one event."""
        if event.kind == "s":
            if event.file in self.files:
                self.files[event.file].sync()
            else:
                self._sync_folder(event.path)
        elif event.kind in "wt":
            file = self.files[event.file]
            file.since.append(event)
            if event.file in self.observed:
                file.sync()
        else:
            self._take_name(event)

    def _take_name(self, event: Event) -> None:
        if event.kind == "c":
            self.files[event.file] = File()
        if within(event.path, self.spared):
            self.observed.add(event.file)
            name(self.names, [event])
        else:
            self.fresh.append(event)

    def _sync_folder(self, folder: PurePath) -> None:
        """Names in it are safe. Earlier names elsewhere are too: the journal has one order."""
        ours = [at for at, event in enumerate(self.fresh) if event.path.parent == folder]
        upto = ours[-1] + 1 if ours else 0
        name(self.names, self.fresh[:upto])
        del self.fresh[:upto]

    def cut(self, target: Path, survival: float) -> None:
        """Writes what the power cut leaves to another folder; each write survives with this probability."""
        names = dict(self.names)
        kept = len(self.fresh) if survival == 1 else random.randint(0, len(self.fresh))
        name(names, self.fresh[:kept])
        target.mkdir()
        for path, number in names.items():
            place = target / path.relative_to(self.folder)
            folder = place.parent if number in self.files else place
            folder.mkdir(parents=True, exist_ok=True)
            if number in self.files:
                place.write_bytes(self.files[number].after(survival))


def within(path: PurePath, folder: PurePath) -> bool:
    """Is it the folder, or in it?"""
    return path == folder or folder in path.parents


def name(names: dict[PurePath, int], events: list[Event]) -> None:
    """Do to the names what the events did."""
    for event in events:
        if event.kind in "cd":
            names[event.path] = event.file
        elif event.kind == "u":
            names.pop(event.path, None)
        elif event.path in names:
            names[PurePath(event.second.decode())] = names.pop(event.path)
