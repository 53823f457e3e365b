"""The result of an import from CrewAI."""

from __future__ import annotations

from dataclasses import dataclass

from agentmem import importers


@dataclass
class Report(importers.Report):
    """The result of an import; flows count as known, too."""

    flows: int = 0
    """Flows whose states were added; on a dry run, flows whose states would be."""

    def additions(self) -> str:
        """What was added, for people."""
        flows = f" and the states of {self.flows} flows" if self.flows else ""
        return super().additions() + flows
