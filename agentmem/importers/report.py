"""The result of an import."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Report:
    """The result of an import."""

    sources: list[str] = field(default_factory=list)
    """The files that were read."""
    added: int = 0
    """Records that were added; on a dry run, records that would be."""
    known: int = 0
    """Records that the store has already."""
    broken: int = 0
    """Rows that could not be read or stored, and were skipped."""
    problems: list[str] = field(default_factory=list)
    """A message for each broken row and each source that could not be read."""

    def problem(self, where: str, error: object) -> None:
        """Add the message for a row or a source."""
        self.problems.append(f"{where}: {error}")

    def additions(self) -> str:
        """What was added, for people: "3 records"."""
        return "1 record" if self.added == 1 else f"{self.added} records"
