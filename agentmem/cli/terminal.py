"""What a terminal is given: escaped text, and styles only if it wants them.

Text in a store comes from anywhere. Printed as it is, it could move the cursor, change the title, fill the
clipboard, or reorder what the user reads. So everything that the command line prints is escaped, also into a
pipe, because what reads the pipe often prints it on a terminal. `--json` and `export` write the same
characters as JSON escapes, so a program reads exactly what is stored.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

# Control characters (Unicode category Cc: C0 with ESC, DEL, C1 with CSI and OSC) but for newline and tab, the
# line and paragraph separators, the characters with the property Bidi_Control, and lone surrogates, which no
# encoding has.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escape(text: str) -> str:
    """Write each character that controls a terminal as `\\uXXXX`; newlines and tabs stay.

    Applied to JSON, the result is JSON with the same value.
    """
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(text: str) -> str:
    """Escape the text, with one space for each run of white space."""
    return escape(" ".join(text.split()))


def shows_styles(stream: TextIO) -> bool:
    """Whether the stream is a terminal that shows bold and colours, and the user has not turned them off.

    The variables are NO_COLOR (https://no-color.org) and TERM=dumb.
    """
    return draws(stream) and not os.environ.get("NO_COLOR")


def draws(stream: TextIO) -> bool:
    """Whether the stream is a terminal that shows more than plain lines of text."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def console(*, quiet: bool = False) -> Console:
    """A console on stdout that prints plain text where styles are not shown, and nothing if `quiet`."""
    from rich.console import Console, ConsoleDimensions

    made = Console(color_system="auto" if shows_styles(sys.stdout) else None, highlight=False, quiet=quiet)
    if made.is_dumb_terminal:  # rich takes 80 columns then, however many there are
        made.size = ConsoleDimensions(*shutil.get_terminal_size())
    return made


class EscapedStdout:
    """Stdout as a UTF-8 text file that escapes what is written to it."""

    encoding = "utf-8"

    def write(self, text: str) -> None:
        """Write the text, escaped."""
        sys.stdout.buffer.write(escape(text).encode())

    def flush(self) -> None:
        """Hand everything to the operating system."""
        sys.stdout.buffer.flush()
