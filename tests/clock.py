"""A clock that tests set: what this process takes for now."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from agentmem import _core

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
START = datetime(2030, 1, 1, tzinfo=timezone.utc)


def microseconds(moment: datetime) -> int:
    """Since 1970, as the core counts them."""
    return (moment - EPOCH) // timedelta(microseconds=1)


class Clock:
    """Stands still until it is set. The store's own time never goes back: it is the latest that was set."""

    def __init__(self) -> None:
        self.release()
        self.set(START)

    def set(self, moment: datetime) -> None:
        """Show this moment from now on."""
        self.now = moment
        _core.set_clock(microseconds(moment))

    def move(self, seconds: float) -> datetime:
        """Go on by so many seconds, or back."""
        self.set(self.now + timedelta(seconds=seconds))
        return self.now

    def release(self) -> None:
        """Show the system's time again."""
        _core.set_clock(None)
        _core.reset_clock()
