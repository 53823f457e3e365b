"""Numbers and moments as people read them."""

from __future__ import annotations

from datetime import datetime, timezone

_UNITS = [("year", 365.25 * 86400), ("month", 30.44 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)]


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago a moment was, such as "3 days ago", or how far away it is: "in 2 hours"."""
    seconds = ((now or datetime.now(timezone.utc)) - moment).total_seconds()
    for unit, length in _UNITS:
        if abs(seconds) >= length:
            span = counted(int(abs(seconds) / length), unit)
            return f"{span} ago" if seconds > 0 else f"in {span}"
    return "just now" if seconds >= 0 else "in a moment"


def exact(moment: datetime) -> str:
    """The moment to the second, in UTC."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def number(value: float) -> str:
    """With separators: 12,345."""
    return f"{value:,}"


def counted(count: int, noun: str) -> str:
    """The count with its noun: "1 record", "1,200 records"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size(count: float) -> str:
    """Bytes as kB, MB or GB, each a thousand of the one before."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
