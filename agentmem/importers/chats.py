"""What the account exports of chat services have in common: files of conversations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agentmem import AgentMemError

from .archive import ExportFile, export_files
from .json_files import array_items
from .source import Row, broken

Conversation = dict[str, Any]

# Large exports have several files, conversations-000.json and so on.
_CONVERSATIONS = re.compile(r"conversations(-\d+)?\.json")


def find_conversations(path: Path) -> tuple[list[ExportFile], list[ExportFile]]:
    """The files of an export that have conversations, and its other files. One file may have any name."""
    files = export_files(path)
    if len(files) == 1 and not files[0].member:
        return files, []
    chats = [file for file in files if _CONVERSATIONS.fullmatch(file.parts[-1])]
    if not chats:
        raise AgentMemError(f"{path} has no conversations.json; name the zip or the folder of the export")
    return chats, [file for file in files if file not in chats]


def conversation_rows(
    files: list[ExportFile], rows_of: Callable[[Conversation, str], Iterator[Row]]
) -> Iterator[Row]:
    """The rows that `rows_of` makes of each conversation and its place."""
    for file in files:
        try:
            with file.open() as opened:
                for number, conversation in enumerate(array_items(opened), 1):
                    where = f"{file}, conversation {number}"
                    try:
                        yield from rows_of(conversation, where)
                    except Exception as error:  # whatever shape it has instead
                        yield broken(where, error)
        except Exception as error:  # a damaged file does not stop the others
            yield broken(str(file), error)
