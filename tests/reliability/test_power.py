"""The power fails: what was not synced is lost, torn, or there, as chance has it.

With durability "full", every acknowledged write is there afterwards; with "normal", the store shows a moment
of its history. Either way it opens, and all that it says is sound.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reliability.ledger import ENTRY, Contents, Ledger, contents_of
from reliability.power import Disk, Event, read_trace

import agentmem

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures"
OLD = FIXTURES / "store_v1.db"


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that notes what a process asks of the disk."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("what a process asks of the disk is noted on Linux, with a C compiler")
    library = tmp_path_factory.mktemp("power") / "power.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", library, HERE / "power.c", "-lpthread", "-ldl"]
    subprocess.run(command, check=True)
    return library


def run(shim: Path, folder: Path, *command: object) -> list[Event]:
    """Run Python, and return what it asked of the disk in `folder`."""
    trace = folder.with_name(folder.name + ".trace")
    noting = {"LD_PRELOAD": str(shim), "POWER_FOLDER": str(folder), "POWER_TRACE": str(trace)}
    subprocess.run([sys.executable, *map(str, command)], env={**os.environ, **noting}, check=True)
    events = list(read_trace(trace))
    trace.unlink()
    return events


class Machine:
    """A folder, a process that works in it, and moments at which the power fails."""

    def __init__(self, shim: Path, folder: Path) -> None:
        self.shim, self.folder = shim, folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)

    def run(self, *command: object) -> None:
        """Note what happens."""
        self.before = Disk(self.folder, self.logs)
        self.events = run(self.shim, self.folder, *command)

    def work(self, name: str, threads: int, steps: int, durability: str) -> None:
        """Start `power_worker.py`, and wait until it has ended."""
        words = [self.folder / "memory.db", self.logs / f"{name}.log", name, threads, steps]
        self.run(HERE / "power_worker.py", *words, json.dumps({"durability": durability}))

    def cuts(self, target: Path, many: int) -> Iterator[Path]:
        """Folders as power cuts leave them: after a sync, in the middle of writing the file, anywhere."""
        numbered = list(enumerate(self.events, 1))
        own = self.numbers_of_the_store()
        places = [
            [at for at, event in numbered if event.kind == "s" or self.is_note(event)],
            [at for at, event in numbered if event.file in own] or [0],
            range(len(self.events) + 1),
        ]
        chosen = Counter(random.choice(random.choice(places)) for _ in range(many))
        disk = self.before
        for at, event in enumerate([None, *self.events]):
            if event is not None:
                disk.take(event)
            for number in range(chosen[at]):
                left = target / f"{at}-{number}"
                disk.cut(left, random.choice([0, 0.1, 0.5, 0.9]))
                yield left
        self.check_complete(target / "whole")

    def numbers_of_the_store(self) -> set[int]:
        """What the file itself is called in the notes: it is written when its log is moved into it."""
        made = {event.file for event in self.events if event.kind == "c" and event.path.suffix == ".db"}
        return made | {number for path, number in self.before.names.items() if path.suffix == ".db"}

    def is_note(self, event: Event) -> bool:
        """Is it a line of the observer?"""
        return event.kind == "w" and event.second.endswith(b"]\n")

    def check_complete(self, target: Path) -> None:
        """If nothing is lost, the playback is what the process left: nothing has escaped the notes."""
        self.before.cut(target, 1)
        assert contents(target) == contents(self.folder)
        shutil.rmtree(target)


def contents(folder: Path) -> dict[Path, bytes]:
    """All files that outlive the machine."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def found_after(path: Path, figures: Counter[str]) -> dict[str, str]:
    """Opens what a power cut left: all is sound, and it can be written."""
    figures["power cuts"] += 1
    with agentmem.open(path) as store:
        found = contents_of(store)
        report = store.verify()
        assert report, report.problems
        assert store.count(include_private=True) == sum(not place.startswith(ENTRY) for place in found)
        store.add("life goes on", id="after")
        assert store.search("life goes on", 1, mode="bm25")[0].record.id == "after"
        store.delete("after")
        number = store.journal("after").append("life goes on")
        assert store.journal("after").pop().number == number
    return found


def moments(folder: Path, start: Contents) -> list[Contents]:
    """What the store of one thread has shown in turn; the last if a write that had begun came to pass."""
    shown = [dict(start)]
    for path in sorted(folder.glob("*.log")):
        for line in path.read_text().splitlines():
            who, what, contents = json.loads(line)
            assert what in ("begin", "done", "expired"), f"{who} failed: {contents}"
            if what == "begin":
                shown.append({**shown[-1], **contents})
    return [{id: text for id, text in moment.items() if text is not None} for moment in shown]


def cut_again_and_again(
    folder: Path,
    numbers: Iterator[int],
    work: Callable[[Path, str], Machine],
    look: Callable[[Path, Contents], Contents],
) -> None:
    """Work, cut the power at many moments, look at what each leaves, and go on with what the last one left.

    `look` is told what was there before the work, and says what is there now.
    """
    base: Contents = {}
    place = folder / "0"
    for number in numbers:
        machine = work(place, f"w{number}")
        following, found = folder / f"{number + 1}", base
        for left in machine.cuts(folder, 30):
            found = look(left, base)
            shutil.rmtree(following, ignore_errors=True)
            left.rename(following)
        shutil.rmtree(following / "logs")
        place, base = following, found


def test_full_keeps_every_acknowledged_write(
    shim: Path, tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """Two threads share transactions; the power fails, and the work goes on with what is left."""

    def work(folder: Path, name: str) -> Machine:
        machine = Machine(shim, folder)
        machine.work(name, 2, 40, "full")
        return machine

    def look(left: Path, base: Contents) -> Contents:
        ledger = Ledger()
        ledger.contents.update(base)
        ledger.take_in(left / "logs")
        figures["writes acknowledged before a power cut"] += ledger.acknowledged
        found = found_after(left / "memory.db", figures)
        try:
            figures["writes cut off by a power cut"] += ledger.check(found)
        finally:
            figures["writes lost"] += ledger.lost
            figures["expired records revived"] += ledger.revived
            figures["numbers reused"] += ledger.reused
        return found

    cut_again_and_again(tmp_path, rounds(3, share=0.1), work, look)


def test_normal_shows_a_moment_of_the_history(
    shim: Path, tmp_path: Path, figures: Counter[str], rounds: Callable[..., Iterator[int]]
) -> None:
    """The newest writes may be gone, never one of the middle."""

    def work(folder: Path, name: str) -> Machine:
        machine = Machine(shim, folder)
        machine.work(name, 1, 60, "normal")
        return machine

    def look(left: Path, base: Contents) -> Contents:
        history = moments(left / "logs", base)
        found = found_after(left / "memory.db", figures)
        assert found in history, "this was never so"
        figures["newest writes that power loss took from durability=normal"] += (
            len(history) - 1 - max(at for at, moment in enumerate(history) if moment == found)
        )
        return found

    cut_again_and_again(tmp_path, rounds(3, share=0.1), work, look)


def test_a_new_store_opens_after_a_cut_while_it_was_made(
    shim: Path, tmp_path: Path, figures: Counter[str]
) -> None:
    """Nothing was acknowledged yet, and nothing stands in the way."""
    machine = Machine(shim, tmp_path / "new")
    machine.run("-c", OPEN, tmp_path / "new" / "memory.db")
    for left in machine.cuts(tmp_path, 120):
        assert found_after(left / "memory.db", figures) == {}
        shutil.rmtree(left)


def test_a_migration_is_done_or_not_done(shim: Path, tmp_path: Path, figures: Counter[str]) -> None:
    """Whatever the moment, all records are there, and a backup that has its name is whole."""
    machine = Machine(shim, tmp_path / "old")
    shutil.copy(OLD, machine.folder / "memory.db")
    machine.run("-c", OPEN, machine.folder / "memory.db")
    for left in machine.cuts(tmp_path, 120):
        for backup in left.glob("*-backup"):
            found_after(Path(shutil.copy(backup, tmp_path / "restored.db")), figures)
            (tmp_path / "restored.db").unlink()
        assert len(found_after(left / "memory.db", figures)) == 6
        shutil.rmtree(left)


def test_a_backup_is_whole_or_not_there(shim: Path, tmp_path: Path, figures: Counter[str]) -> None:
    """Once backup() has returned, it is there."""
    machine = Machine(shim, tmp_path / "safe")
    with agentmem.open(machine.folder / "memory.db") as store:
        store.add_many(f"note {n}" for n in range(500))
    machine.run("-c", BACK_UP, machine.folder / "memory.db", machine.logs / "notes.log")
    for left in machine.cuts(tmp_path, 40):
        returned = (left / "logs" / "notes.log").exists() and (left / "logs" / "notes.log").read_text()
        assert not returned or (left / "copy.db").exists()
        for path in left.glob("*.db"):
            assert len(found_after(path, figures)) == 500
        shutil.rmtree(left)


OPEN = "import agentmem, sys; agentmem.open(sys.argv[1]).close()"
BACK_UP = """
import agentmem, os, sys
store = agentmem.open(sys.argv[1])
store.backup(os.path.dirname(sys.argv[1]) + "/copy.db")
os.write(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND), b"[]\\n")
store.close()
"""
