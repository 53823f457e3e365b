"""The systems under test, behind one face, each set up the way its own documentation would for English text.

A system keeps an index in a folder. `add` takes records in bulk and returns a key for each; `searches`
names the ways in which it can be asked, each a function from a query and a number of hits to (key, score)
pairs, best first.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import platform
import re
import sqlite3
import sys
import uuid
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, ClassVar

Record = dict[str, Any]
"""The fields of a record; peers look at `content` alone."""

Ranking = list[tuple[Hashable, float]]
Search = Callable[[str, int], Ranking]

WORD = re.compile(r"\w+")


class System:
    """A search system whose index is in a folder; opened again if there is one already."""

    name: str
    package: str | None = None
    """What has to be installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def version(cls) -> str:
        """What is installed; PackageNotFoundError if nothing is."""
        return importlib.metadata.version(cls.package) if cls.package else ""

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        """Store records; when it returns they are found, and saved."""
        raise NotImplementedError

    def add_one(self, record: Record) -> None:
        """Store one more; when it returns it is found, and survives power loss."""
        raise NotImplementedError(f"{self.name} cannot add to what it has")

    def searches(self) -> dict[str, Search]:
        """The ways to search, by name."""
        return {self.name: self.search}

    def search(self, query: str, limit: int) -> Ranking:
        """Find records that have any of the query's words."""
        raise NotImplementedError

    def close(self) -> None:
        """Let the index go."""


class AgentMem(System):
    """agentmem, with the defaults. Hits carry their whole records, which no peer's do."""

    name = "agentmem"
    package = "agentmem-db"
    embedder: ClassVar[str | None] = None
    ways: ClassVar[dict[str, dict[str, Any]]] = {
        "agentmem hybrid": {},
        "agentmem hybrid, dialogue": {"dialogue": True},
        "agentmem bm25": {"mode": "bm25"},
        "agentmem tfidf": {"mode": "tfidf"},
    }

    def __init__(self, folder: Path) -> None:
        import agentmem

        super().__init__(folder)
        self.store = agentmem.open(folder / "memory.db", embedder=self.embedder)

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        return [key for batch in _batches(records, 10_000) for key in self.store.add_many(batch)]

    def add_one(self, record: Record) -> None:
        self.store.add(**record)

    def searches(self) -> dict[str, Search]:
        return {way: self.searcher(**options) for way, options in self.ways.items()}

    def searcher(self, **options: Any) -> Search:
        """Return a way to search, by the options of `MemoryStore.search`."""

        def search(query: str, limit: int) -> Ranking:
            return [(hit.record.id, hit.score) for hit in self.store.search(query, limit, **options)]

        return search

    def close(self) -> None:
        self.store.close()


class AgentMemMiniLM(AgentMem):
    """agentmem with the embedder "minilm"."""

    name = "agentmem with minilm"
    embedder = "minilm"
    ways: ClassVar[dict[str, dict[str, Any]]] = {
        "minilm hybrid": {},
        "minilm hybrid, dialogue": {"dialogue": True},
        "minilm vector": {"mode": "vector"},
    }


class Fts5(System):
    """SQLite FTS5 with the Porter stemmer, ranked by its own BM25; write-ahead log, synchronous=FULL."""

    name = "SQLite FTS5"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.connection = sqlite3.connect(folder / "fts.db")
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS docs USING fts5(content, tokenize = 'porter unicode61')"
        )

    @classmethod
    def version(cls) -> str:
        return sqlite3.sqlite_version

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        with self.connection:
            rows = enumerate((record["content"] for record in records), start=1)
            self.connection.executemany("INSERT INTO docs(rowid, content) VALUES (?, ?)", rows)
        return range(1, len(records) + 1)

    def add_one(self, record: Record) -> None:
        with self.connection:
            self.connection.execute("INSERT INTO docs(content) VALUES (?)", (record["content"],))

    def search(self, query: str, limit: int) -> Ranking:
        match = " OR ".join(f'"{word}"' for word in _distinct_words(query))
        if not match:
            return []
        sql = "SELECT rowid, -rank FROM docs WHERE docs MATCH ? ORDER BY rank LIMIT ?"
        return self.connection.execute(sql, (match, limit)).fetchall()

    def close(self) -> None:
        self.connection.close()


class Tantivy(System):
    """tantivy with its English stemmer; it stores a number for each record, and not the text."""

    name = "tantivy"
    package = "tantivy"

    def __init__(self, folder: Path) -> None:
        import tantivy

        super().__init__(folder)
        fields = tantivy.SchemaBuilder()
        fields.add_unsigned_field("number", stored=True)
        fields.add_text_field("content", stored=False, tokenizer_name="en_stem")
        self.library = tantivy
        self.index = tantivy.Index(fields.build(), path=str(folder))
        self.writer: Any = None
        self._renew()

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        writer = self.index.writer(heap_size=256_000_000)
        for number, record in enumerate(records):
            writer.add_document(self.library.Document(number=number, content=record["content"]))
        writer.commit()
        writer.wait_merging_threads()
        self._renew()
        return range(len(records))

    def add_one(self, record: Record) -> None:
        if self.writer is None:
            self.writer = self.index.writer(heap_size=15_000_000, num_threads=1)
        self.writer.add_document(self.library.Document(number=0, content=record["content"]))
        self.writer.commit()
        self._renew()

    def _renew(self) -> None:
        self.index.reload()
        self.searcher = self.index.searcher()

    def search(self, query: str, limit: int) -> Ranking:
        words = " ".join(f'"{word}"' for word in _distinct_words(query))
        if not words:
            return []
        try:
            hits = self.searcher.search(self.index.parse_query(words, ["content"]), limit, count=False).hits
        except ValueError:  # its analyzer drops long words, and may have left none
            return []
        return [(self.searcher.doc(address)["number"][0], score) for score, address in hits]

    def close(self) -> None:
        if self.writer is not None:
            self.writer.wait_merging_threads()


class Bm25s(System):
    """bm25s with its English stop words and a Snowball stemmer; compiled by numba if `numba` is true."""

    name = "bm25s"
    package = "bm25s"
    numba = False

    def __init__(self, folder: Path) -> None:
        import bm25s
        import Stemmer

        super().__init__(folder)
        self.library, self.stemmer = bm25s, Stemmer.Stemmer("english")
        if (folder / "params.index.json").exists():
            self.index = bm25s.BM25.load(folder, mmap=False, show_progress=False)
            self._size = self.index.scores["num_docs"]

    def _tokens(self, texts: list[str], ids: bool) -> Any:
        return self.library.tokenize(
            texts, stopwords="english", stemmer=self.stemmer, return_ids=ids, show_progress=False
        )

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        self.index = self.library.BM25(backend="numba" if self.numba else "numpy")
        tokens = self._tokens([record["content"] for record in records], ids=True)
        if tokens.vocab:
            self.index.index(tokens, show_progress=False)
        self._size = len(records)
        self.index.save(self.folder, show_progress=False)
        return range(len(records))

    def search(self, query: str, limit: int) -> Ranking:
        words = [word for word in self._tokens([query], ids=False)[0] if word in self.index.vocab_dict]
        if not words:
            return []
        found = self.index.retrieve([words], k=min(limit, self._size), show_progress=False)
        ranked = zip(found.documents[0].tolist(), found.scores[0].tolist(), strict=True)
        return [(number, score) for number, score in ranked if score > 0]


class ScikitLearn(System):
    """scikit-learn's TF-IDF vectors, of Snowball stems and with dampened counts, compared by cosine."""

    name = "scikit-learn"
    package = "scikit-learn"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = folder / "tfidf.pickle"
        _Stems.load()
        if self.file.exists():
            self.vectorizer, self.postings = pickle.loads(self.file.read_bytes())

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.vectorizer = TfidfVectorizer(analyzer=stems, sublinear_tf=True)
        self.postings = self.vectorizer.fit_transform([record["content"] for record in records]).T.tocsr()
        self.file.write_bytes(pickle.dumps((self.vectorizer, self.postings), pickle.HIGHEST_PROTOCOL))
        return range(len(records))

    def search(self, query: str, limit: int) -> Ranking:
        import numpy

        found = self.vectorizer.transform([query]) @ self.postings
        best = numpy.arange(found.nnz)
        if found.nnz > limit:
            best = numpy.argpartition(-found.data, limit)[:limit]
        best = best[numpy.lexsort((found.indices[best], -found.data[best]))]
        return list(zip(found.indices[best].tolist(), found.data[best].tolist(), strict=True))


class _Stems:
    """The stemmer that `stems` uses: it cannot be pickled along with the vectors."""

    stemmer: Any = None

    @classmethod
    def load(cls) -> None:
        import Stemmer

        cls.stemmer = cls.stemmer or Stemmer.Stemmer("english")


def stems(text: str) -> list[str]:
    """Return the stems of a text's words."""
    return _Stems.stemmer.stemWords(WORD.findall(text.lower()))


class LanceDb(System):
    """LanceDB's own full-text search, as it comes: English stems, without stop words.

    Nothing syncs its files, so an add may be lost with the power.
    """

    name = "LanceDB"
    package = "lancedb"

    def __init__(self, folder: Path) -> None:
        import lancedb
        from lancedb.index import FTS

        super().__init__(folder)
        database = lancedb.connect(folder)
        if database.list_tables().tables:
            self.table = database.open_table("docs")
        else:
            self.table = database.create_table("docs", [{"number": 0, "content": ""}])
            self.table.delete("true")
            self.table.create_index("content", config=FTS())

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        self.table.add([{"number": number, "content": one["content"]} for number, one in enumerate(records)])
        self.table.optimize()
        return range(len(records))

    def add_one(self, record: Record) -> None:
        self.table.add([{"number": 0, "content": record["content"]}])

    def search(self, query: str, limit: int) -> Ranking:
        found = self.table.search(query, query_type="fts").select(["number", "_score"]).limit(limit)
        return [(hit["number"], hit["_score"]) for hit in found.to_list()]


class Zvec(System):
    """zvec's full-text search with its English stemmer."""

    name = "zvec"
    package = "zvec"

    def __init__(self, folder: Path) -> None:
        import zvec

        super().__init__(folder)
        self.library = zvec
        path = folder / "docs"
        index = zvec.FtsIndexParam(filters=["lowercase", "ascii_folding", "stemmer"])
        content = zvec.FieldSchema("content", zvec.DataType.STRING, index_param=index)
        schema = zvec.CollectionSchema("docs", fields=[content])
        self.collection = zvec.open(str(path)) if path.exists() else zvec.create_and_open(str(path), schema)

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        keys = [str(number) for number in range(len(records))]
        docs = [self._doc(key, record) for key, record in zip(keys, records, strict=True)]
        for batch in _batches(docs, 1024):
            self.collection.insert(batch)
        self.collection.optimize()
        self.collection.flush()
        return keys

    def add_one(self, record: Record) -> None:
        self.collection.insert(self._doc(uuid.uuid4().hex, record))
        self.collection.flush()

    def _doc(self, key: str, record: Record) -> Any:
        return self.library.Doc(id=key, fields={"content": record["content"]})

    def search(self, query: str, limit: int) -> Ranking:
        if not _distinct_words(query):
            return []
        wanted = self.library.Query("content", fts=self.library.Fts(match_string=query))
        return [(hit.id, hit.score) for hit in self.collection.query(wanted, topk=limit, output_fields=[])]

    def close(self) -> None:
        self.collection.close()


class CrewLanceDb(System):
    """The default storage of crewai >= 1.10, asked by vectors of agentmem's LocalEmbedder."""

    name = "CrewAI LanceDB"
    package = "crewai"
    module = "crewai.memory.storage.lancedb_storage"

    def __init__(self, folder: Path) -> None:
        from agentmem.crewai import LocalEmbedder

        super().__init__(folder)
        self.embedder = LocalEmbedder()
        self.storage = importlib.import_module(self.module).LanceDBStorage(path=folder)

    @classmethod
    def version(cls) -> str:
        return _version_with(cls.package, cls.module)

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        return [key for batch in _batches(records, 10_000) for key in self._save(batch)]

    def add_one(self, record: Record) -> None:
        self._save([record])

    def _save(self, records: Sequence[Record]) -> list[Hashable]:
        from crewai.memory.types import MemoryRecord

        made = [
            MemoryRecord(**record, embedding=self.embedder.vector(record["content"])) for record in records
        ]
        self.storage.save(made)
        return [record.id for record in made]

    def search(self, query: str, limit: int) -> Ranking:
        found = self.storage.search(self.embedder.vector(query), limit=limit)
        return [(record.id, score) for record, score in found]


class CrewLongTerm(System):
    """The long-term storage of crewai <= 1.9.3, which finds what is word for word the same.

    Its own `save` commits each record: filled that way, a large one would take hours. So its bulk rate is
    that of SQLite.
    """

    name = "CrewAI long-term"
    package = "crewai"
    module = "crewai.memory.storage.ltm_sqlite_storage"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.storage = importlib.import_module(self.module).LTMSQLiteStorage(str(folder / "long_term.db"))

    @classmethod
    def version(cls) -> str:
        return _version_with(cls.package, cls.module)

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        sql = (
            "INSERT INTO long_term_memories(task_description, metadata, datetime, score) VALUES (?, ?, ?, ?)"
        )
        rows = (
            (text, json.dumps(metadata), at, score) for text, metadata, at, score in map(self._row, records)
        )
        with sqlite3.connect(self.storage.db_path) as connection:
            connection.executemany(sql, rows)
        connection.close()
        return range(len(records))

    def add_one(self, record: Record) -> None:
        self.storage.save(*self._row(record))

    @staticmethod
    def _row(record: Record) -> tuple[str, dict[str, Any], str, float]:
        metadata = {"scope": record["scope"], **record["metadata"]}
        return record["content"], metadata, record["created_at"].isoformat(), 1.0

    def search(self, query: str, limit: int) -> Ranking:
        return [(found["datetime"], found["score"]) for found in self.storage.load(query, limit) or []]


PEERS: list[type[System]] = [Fts5, Bm25s, Tantivy, ScikitLearn, LanceDb, Zvec]
STORAGES: list[type[System]] = [CrewLanceDb, CrewLongTerm]
"""CrewAI's own, each in another generation of it; timed, not judged by what they find."""
ALL: list[type[System]] = [AgentMem, *PEERS, *STORAGES]


def installed(among: Sequence[type[System]]) -> list[type[System]]:
    """Return the systems that are there, and say which are missing."""
    here = []
    for system in among:
        try:
            system.version()
        except importlib.metadata.PackageNotFoundError:
            print(f"{system.name}: not installed, left out", file=sys.stderr)
        else:
            here.append(system)
    return here


def _version_with(package: str, module: str) -> str:
    version = importlib.metadata.version(package)
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise importlib.metadata.PackageNotFoundError(module) from error
    return version


def circumstances(systems: list[type[System]]) -> dict[str, Any]:
    """Say on what, with what and how something is measured."""
    return {
        "command": " ".join(["python", *map(_relative, sys.argv)]),
        "nice": os.nice(0) if hasattr(os, "nice") else None,
        "load": [round(load, 1) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {system.name: system.version() for system in systems},
    }


def write_json(results: Any, file: Path | None) -> None:
    """Write what was measured, if there is a file to write to."""
    if file is not None:
        file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; all columns but the first are flush right."""
    lines = [heading, ["---", *["--:"] * (len(heading) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def anonymous() -> int:
    """Bytes of memory that are this process's alone; 0 where the system does not say."""
    try:
        rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^Anonymous: +(\d+) kB", rollup, re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


def _relative(argument: str) -> str:
    """Leave out where folders are on this machine."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _distinct_words(query: str) -> list[str]:
    return list(dict.fromkeys(WORD.findall(query.lower())))


def _batches(records: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [records[start : start + size] for start in range(0, len(records), size)]
