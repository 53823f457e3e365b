"""What stores keep, show and refuse: one probe for each property, for `comparison.py`.

A probe gets the environment of a peer and an empty folder, and returns what it found.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from peer_process import Environment, PeerError, Process, opened

KILLS = (1, 5, 20)
WRITES = 50
SYNCS = re.compile(r"\b(?:fsync|fdatasync|sync_file_range|msync)\(")

Found = dict[str, Any]


def text_with(word: str) -> str:
    """A record that has a word of its own."""
    return f"Note {word}: the meeting with Alice about the database is on Friday."


def words(name: str, count: int) -> list[str]:
    """Words that no record has by chance, and that no stemmer changes."""
    return [f"{name}{number}x{7919 * (number + 1)}q" for number in range(count)]


def killed(environment: Environment, folder: Path, add: str = "add") -> Found:
    """Which adds are found after the process that made them was killed."""
    done: list[str] = []
    for count in KILLS:
        with opened(environment, folder) as writer:
            for word in words(f"k{count}n", count):
                writer.call(add, text_with(word))
                done.append(word)
            writer.kill()
    with opened(environment, folder) as reader:
        return {"returned": len(done), "found": sum(reader.call("holds", done))}


def killed_plain(environment: Environment, folder: Path) -> Found:
    """The same for the adds of the shortest program."""
    return killed(environment, folder, "add_plainly")


def syncs(environment: Environment, folder: Path) -> Found:
    """How many times an add asks for the disk: twelve adds less two, by ten."""
    if not shutil.which("strace"):
        return {"error": "strace is not installed"}
    counted = []
    for count in (2, 12):
        log = folder / f"{count}.strace"
        place = folder / str(count)
        place.mkdir()
        with opened(environment, place, "strace", "-f", "-o", str(log)) as writer:
            for word in words("s", count):
                writer.call("add", text_with(word))
        counted.append(len(SYNCS.findall(log.read_text(encoding="utf-8", errors="replace"))))
    return {"per_add": round((counted[1] - counted[0]) / 10, 1)}


def two_writers(environment: Environment, folder: Path) -> Found:
    """Which adds of two processes at once are found."""
    with opened(environment, folder) as maker:
        maker.call("add", text_with("first"))
        maker.call("close")
    with ExitStack() as stack:
        writers = [stack.enter_context(Process(environment, folder)) for _ in range(2)]
        for writer in writers:
            writer.send("open")
        errors: list[str] = []
        able = []
        for writer in writers:
            try:
                writer.answer()
                able.append(writer)
            except PeerError as error:
                errors.append(str(error))
        for number, writer in enumerate(able):
            writer.send("add_all", [text_with(word) for word in words(f"w{number}n", WRITES)])
        returned: list[str] = []
        for writer in able:
            try:
                answer = writer.answer()
            except PeerError as error:
                errors.append(str(error))
            else:
                returned += [text.split()[1].rstrip(":") for text in answer["returned"]]
                errors += [answer["error"]] if answer["error"] else []
        for writer in able:
            writer.call("close")
    with opened(environment, folder) as reader:
        found = sum(reader.call("holds", returned)) if returned else 0
    return {"tried": 2 * WRITES, "returned": len(returned), "found": found, "errors": errors}


def open_reader(environment: Environment, folder: Path) -> Found:
    """When a process that is open finds what another one adds."""
    (word,) = words("r", 1)
    with opened(environment, folder) as maker:
        maker.call("add", text_with("first"))
        maker.call("close")
    with opened(environment, folder) as reader:
        reader.call("holds", [word])
        try:
            writer = opened(environment, folder)
        except PeerError as error:
            return {"sees": "no second process can open it", "error": str(error)}
        with writer:
            writer.call("add", text_with(word))
            if reader.call("holds", [word])[0]:
                return {"sees": "at once"}
            reader.call("refresh")
            if reader.call("holds", [word])[0]:
                return {"sees": "after looking again"}
            with opened(environment, folder) as second:
                seen = second.call("holds", [word])[0]
            return {"sees": "after opening again" if seen else "never"}


def foreign_file(environment: Environment, folder: Path) -> Found:
    """What becomes of a file that is not the store's."""
    found: Found = {}
    for kind, make in (("text", _foreign_text), ("database", _foreign_database)):
        place = folder / kind
        place.mkdir()
        file = place / environment.peer.main
        make(file)
        before = file.read_bytes()
        refused = None
        try:
            with opened(environment, place) as process:
                process.call("add", text_with("foreign"))
                process.call("close")
        except PeerError as error:
            refused = str(error)
        same = file.is_file() and file.read_bytes() == before
        found[kind] = {"refused": refused, "unchanged": same}
    return found


def _foreign_text(file: Path) -> None:
    file.write_text("Dear diary, this is no database.\n", encoding="utf-8")


def _foreign_database(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE invoices (id INTEGER PRIMARY KEY, total REAL)")
    connection.execute("INSERT INTO invoices (total) VALUES (12.5)")
    connection.commit()
    connection.close()


PROBES = (killed, killed_plain, syncs, two_writers, open_reader, foreign_file)
