"""Many processes on one file: what one commits, the others find in their next search."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import agentmem

READER = """
import sys, time, agentmem
path, total, index = sys.argv[1], int(sys.argv[2]), sys.argv[3]
give_up = time.monotonic() + 90
seen = 0
with agentmem.open(path, index=index) as store:
    print("ready", flush=True)
    while seen < total:
        assert time.monotonic() < give_up, seen
        counted = store.count(where={"n": {"$exists": True}})
        hits = store.search("growing", 10 * total)
        assert len({hit.record.id for hit in hits}) == len(hits) >= counted >= seen
        seen = len(hits)
    assert store.search("growing number%d" % (total - 1), 1)[0].record.metadata == {"n": total - 1}
    assert store.get("doomed") is None and store.search("doomed") == []
    assert store.search("changed")[0].record.id == "fickle"
    assert store.verify()
"""

WRITER = """
import sys, agentmem
with agentmem.open(sys.argv[1]) as store:
    for number in range(int(sys.argv[3])):
        store.add("by process", id=f"{sys.argv[2]}-{number}")
"""


def test_three_others_search_while_it_grows(path: Path) -> None:
    total = 300
    with agentmem.open(path) as store:
        store.add("doomed", id="doomed")
        store.add("original", id="fickle")
        readers = [
            subprocess.Popen(
                [sys.executable, "-c", READER, str(path), str(total), index],
                stdout=subprocess.PIPE,
                text=True,
            )
            for index in ("memory", "memory", "disk")
        ]
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        store.delete("doomed")
        store.update("fickle", content="changed")
        for number in range(total):
            store.add(f"growing number{number}", metadata={"n": number})
        for reader in readers:
            assert reader.wait(100) == 0


def test_many_writers_lose_nothing(path: Path) -> None:
    agentmem.open(path).close()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(number), "50"]) for number in range(4)
    ]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    with agentmem.open(path) as store:
        assert store.count() == 200
        assert len(store.search("process", 1000)) == 200
        assert store.verify()
