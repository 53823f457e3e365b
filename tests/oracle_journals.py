"""Journals as one would write them with no thought of speed: a list of entries, a loop for every question."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import agentmem

Entry = dict[str, Any]


class Refused(Exception):  # noqa: N818 (it stands for an error, and is none)
    """What an oracle raises where the store must raise an error of this type."""

    def __init__(self, kind: type[agentmem.AgentMemError], at: int | None = None) -> None:
        super().__init__(kind.__name__)
        self.kind, self.at = kind, at


class Journals:
    """`entries` are in the order of their numbers. No list and no entry is changed in place."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.entries: list[Entry] = []
        self.next_number = 1

    def move_to(self, now: datetime) -> None:
        """What has expired by now is gone for good."""
        self.now = now
        self.entries = [e for e in self.entries if e["expires_at"] is None or e["expires_at"] > now]

    def names(self, prefix: str = "", after: str | None = None, limit: int | None = None) -> list[str]:
        """The journals that hold something."""
        names = sorted({entry["journal"] for entry in self.entries}, key=str.encode)
        return [n for n in names if n.startswith(prefix) and (after is None or n.encode() > after.encode())][
            :limit
        ]

    # The log

    def log(self, name: str) -> list[Entry]:
        """Entries without a key, oldest first."""
        return [e for e in self.entries if e["journal"] == name and e["key"] is None]

    def read(
        self, name: str, last: int | None = None, after: int | None = None, limit: int | None = None
    ) -> list[Entry]:
        """All, the newest few, or those behind a number."""
        entries = [e for e in self.log(name) if after is None or e["number"] > after]
        return entries[max(0, len(entries) - last) :] if last is not None else entries[:limit]

    def last(self, name: str) -> int:
        """What `if_last` is compared with."""
        return max((entry["number"] for entry in self.log(name)), default=0)

    def check_last(self, name: str, if_last: int | None) -> None:
        """A condition on the log."""
        if if_last is not None and if_last != self.last(name):
            raise Refused(agentmem.ConflictError)

    def extend(
        self, name: str, values: list[Any], ttl: float | None = None, if_last: int | None = None
    ) -> list[int]:
        """Append some."""
        self.check_last(name, if_last)
        return [self._write(name, None, value, ttl) for value in values]

    def pop(self, name: str) -> Entry | None:
        """The newest, which is gone then."""
        entries = self.log(name)
        if not entries:
            return None
        self.delete(name, numbers=[entries[-1]["number"]])
        return entries[-1]

    def prune(self, name: str, keep: int | None = None, before: datetime | None = None) -> int:
        """Drop what is neither among the newest nor young enough."""
        old = self.log(name)
        old = old[: max(0, len(old) - keep)] if keep is not None else old
        old = [entry for entry in old if before is None or entry["written_at"] < before]
        return self._drop(old)

    # The map

    def items(
        self,
        name: str,
        prefix: str = "",
        after: str | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> list[Entry]:
        """Entries with a key, by key."""
        found = [e for e in self.entries if e["journal"] == name and e["key"] is not None]
        found = [e for e in found if e["key"].startswith(prefix)]
        found.sort(key=lambda entry: entry["key"].encode(), reverse=reverse)
        if after is not None:
            border = after.encode()
            found = [
                e for e in found if (e["key"].encode() < border if reverse else e["key"].encode() > border)
            ]
        return found[:limit]

    def number(self, name: str, key: str) -> int:
        """What `if_number` is compared with."""
        return next((e["number"] for e in self.items(name) if e["key"] == key), 0)

    def check_number(self, name: str, key: str, if_number: int | None) -> None:
        """A condition on a key."""
        if if_number is not None and if_number != self.number(name, key):
            raise Refused(agentmem.ConflictError)

    def put(
        self, name: str, key: str, value: Any, ttl: float | None = None, if_number: int | None = None
    ) -> int:
        """The old value of the key is gone."""
        self.check_number(name, key, if_number)
        self.delete(name, [key])
        return self._write(name, key, value, ttl)

    def delete(self, name: str, keys: list[str] | None = None, numbers: list[int] | None = None) -> int:
        """What has one of these keys or numbers."""
        return self._drop(
            [
                entry
                for entry in self.entries
                if entry["journal"] == name
                and (
                    entry["number"] in (numbers or [])
                    or (entry["key"] is not None and entry["key"] in (keys or []))
                )
            ]
        )

    def clear(self, name: str, if_last: int | None = None) -> int:
        """Log and map."""
        self.check_last(name, if_last)
        return self._drop([entry for entry in self.entries if entry["journal"] == name])

    def _write(self, name: str, key: str | None, value: Any, ttl: float | None) -> int:
        number, self.next_number = self.next_number, self.next_number + 1
        expires_at = None if ttl is None else self.now + timedelta(seconds=ttl)
        entry = {
            **{"journal": name, "number": number, "key": key, "value": value},
            **{"written_at": self.now, "expires_at": expires_at},
        }
        self.entries = [*self.entries, entry]
        return number

    def _drop(self, entries: list[Entry]) -> int:
        self.entries = [entry for entry in self.entries if entry not in entries]
        return len(entries)
