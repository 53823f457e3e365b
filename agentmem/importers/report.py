"""The result of an import."""

from __future__ import annotations

from dataclasses import dataclass, field

_MOST_PROBLEMS = 100


@dataclass
class Report:
    """The result of an import."""

    sources: list[str] = field(default_factory=list)
    """The files that were read."""
    added: int = 0
    """Records that were added; on a dry run, records that would be."""
    replaced: int = 0
    """Records that were replaced, because the source has changed; on a dry run, that would be."""
    known: int = 0
    """Records that the store has already."""
    broken: int = 0
    """Rows that could not be read or stored, and were skipped."""
    problems: list[str] = field(default_factory=list)
    """Messages for broken rows and for sources that could not be read, a hundred at most."""
    notes: list[str] = field(default_factory=list)
    """What stays behind in the sources, and why."""

    def problem(self, where: str, error: object) -> None:
        """Add the message for a row or a source."""
        if len(self.problems) < _MOST_PROBLEMS:
            text = f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
            self.problems.append(f"{where}: {text}")

    def additions(self) -> str:
        """What was added, for people: "3 records"."""
        added = "1 record" if self.added == 1 else f"{self.added:,} records"
        return f"{added} and {self.replaced:,} in place of others" if self.replaced else added
