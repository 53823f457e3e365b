"""Makes `corpus/open`: store files that somebody else has changed or damaged.

Each is the fixture of the newest schema with one change: `python tests/fuzz/crafted.py`.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import agentmem

HERE = Path(__file__).parent
FIXTURE = max((HERE.parent / "fixtures").glob("store_v*.db"))
CORPUS = HERE / "corpus" / "open"
PAGE = 512


def sql(*statements: str) -> Callable[[Path], None]:
    """A file that SQL has changed, the schema too."""

    def change(path: Path) -> None:
        conn = sqlite3.connect(path, isolation_level=None)
        conn.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            conn.execute(statement)
        conn.close()

    return change


def data(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A file whose bytes were changed."""

    def change_data(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return change_data


def page(table: str, change: Callable[[bytes, int], bytes]) -> Callable[[Path], None]:
    """A file in which the first page of a table or index was changed, given its bytes and its number."""

    def change_page(path: Path) -> None:
        conn = sqlite3.connect(path)
        (root,) = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        conn.close()
        whole = path.read_bytes()
        start, end = PAGE * (root - 1), PAGE * root
        path.write_bytes(whole[:start] + change(whole[start:end], root) + whole[end:])

    return change_page


def torn(content: bytes, _: int) -> bytes:
    """The second half was never written."""
    return content[: PAGE // 2] + bytes(PAGE // 2)


def own_child(_: bytes, number: int) -> bytes:
    """A page that is its own child: an interior page of a table without cells."""
    head = bytes([5, 0, 0, 0, 0]) + (PAGE).to_bytes(2, "big") + b"\0" + number.to_bytes(4, "big")
    return head + bytes(PAGE - len(head))


def huge_cell(content: bytes, _: int) -> bytes:
    """The first cell of a leaf says that it has 2^40 bytes."""
    start = int.from_bytes(content[8:10], "big")
    length = bytes([0x80 | 2**5, 0x80, 0x80, 0x80, 0x80, 0])
    return content[:start] + length + content[start + len(length) :]


def out_of_order(path: Path) -> None:
    """The last record of the last leaf has the number of the first."""
    conn = sqlite3.connect(path)
    (number,) = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'records'").fetchone()
    conn.close()
    content = bytearray(path.read_bytes())
    start = PAGE * (number - 1)
    while content[start] == 5:  # an interior page: its last child
        number = int.from_bytes(content[start + 8 : start + 12], "big")
        start = PAGE * (number - 1)
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    pointer = start + 8 + 2 * (cells - 1)
    cell = start + int.from_bytes(content[pointer : pointer + 2], "big")
    while content[cell] & 0x80:  # the rest of its length
        cell += 1
    content[cell + 1] = 1
    path.write_bytes(content)


FILES: dict[str, Callable[[Path], None]] = {
    # What could act.
    "trigger": sql("CREATE TRIGGER evil AFTER INSERT ON records BEGIN DELETE FROM records; END"),
    "view_shadows_table": sql(
        "ALTER TABLE journals RENAME TO hidden", "CREATE VIEW journals AS SELECT 1 AS id, 'x' AS name"
    ),
    "generated_column": sql("CREATE TABLE evil(x, y GENERATED ALWAYS AS (hex(x)) VIRTUAL)"),
    # What is no store, or not one of this version.
    "text": data(lambda _: b"Alice prefers email over phone.\n" * 20),
    "other_program": sql("PRAGMA application_id = 0x0F055112"),
    "newer": sql("PRAGMA user_version = 99"),
    "header_alone": data(lambda content: content[:100]),
    # A schema that is not as it was made.
    "broken_schema": sql("UPDATE sqlite_schema SET sql = 'CREATE TABLE records(' WHERE name = 'records'"),
    # Pages that are damaged.
    "cut": data(lambda content: content[: len(content) // 2]),
    "torn_schema": data(lambda content: torn(content[:PAGE], 1) + content[PAGE:]),
    "torn_records": page("records", torn),
    "endless_records": page("records", own_child),
    "out_of_order": out_of_order,
    "huge_cell": page("entries", huge_cell),
    # Values that agentmem never wrote so.
    "column_type": sql("UPDATE records SET created_at = 'yesterday' WHERE id = 'note-1'"),
    "expiry_flipped": sql("UPDATE expiries SET at = 1"),
    "totals_type": sql("UPDATE meta SET value = 'many' WHERE key = 'records'"),
    "numbers_used_up": sql("UPDATE sqlite_sequence SET seq = 9223372036854775807"),
    "endless_deletion": sql("INSERT INTO deletions VALUES (2, 1, 9223372036854775807, 8, NULL)"),
    "segment_elsewhere": sql("INSERT INTO segments VALUES ('../victim', 1, 8, 1, 100, 1)"),
    "journal_value": sql("UPDATE entries SET value = '{\"n\": 2}' WHERE key IS NULL"),
    "journal_key_type": sql("UPDATE entries SET key = x'FF' WHERE key IS NOT NULL"),
    "full_text": sql("UPDATE records_fts_data SET block = x'00FF00FF' WHERE id > 10"),
    # Nothing at all.
    "sound": sql(),
}


def make(folder: Path) -> None:
    """Every file into a folder."""
    base = folder / "base"
    shutil.copy(FIXTURE, base)
    agentmem.open(base).close()  # fills the full text
    # Small pages make small files.
    sql("PRAGMA journal_mode = DELETE", f"PRAGMA page_size = {PAGE}", "VACUUM")(base)
    for name, change in FILES.items():
        shutil.copy(base, folder / name)
        change(folder / name)
    base.unlink()


if __name__ == "__main__":
    shutil.rmtree(CORPUS, ignore_errors=True)
    CORPUS.mkdir()
    make(CORPUS)
