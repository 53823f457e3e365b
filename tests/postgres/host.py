"""A host: a process that writes into a store. Prints the id of each record when its write has returned."""

from __future__ import annotations

import sys

import agentmem

url, scope, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = agentmem.open(url)
sys.stdout.write("ready\n")
sys.stdout.flush()
for number in range(first, first + count):
    store.add(f"record {number} of a host", id=str(number), scope=scope)
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()
