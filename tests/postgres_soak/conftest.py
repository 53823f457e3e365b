"""How long the test runs, and the figures that it prints: as in `reliability`."""

from reliability.conftest import figures, pytest_collection_modifyitems, pytest_terminal_summary

__all__ = ["figures", "pytest_collection_modifyitems", "pytest_terminal_summary"]
