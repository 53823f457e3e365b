"""Record, Edit, Delete and Undo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from inspector.sample import fill
from starlette.testclient import TestClient

import agentmem
from agentmem import MemoryStore
from agentmem.inspect import app


class Visitor:
    """Fills in forms as a browser does."""

    def __init__(self, store: MemoryStore, **options: Any) -> None:
        self.client = TestClient(app(store, guard=False, **options), headers={"origin": "http://testserver"})
        self.csrf = ""

    def get(self, path: str) -> Response:
        answer = self.client.get(path)
        if found := re.search(r'name="csrf" value="([\w-]+)"', answer.text):
            self.csrf = found[1]
        return answer

    def post(self, path: str, /, **form: Any) -> Response:
        return self.client.post(path, data={"csrf": self.csrf, **form})

    def draft(self, id: str) -> dict[str, Any]:
        """The fields of the form that edits a record."""
        self.get(f"/record?id={id}")
        record = self.client.get(f"/record.json?id={id}").json()
        return {"id": id, "version": record["record"]["version"], **record["draft"]}


@pytest.fixture
def store(path: Path) -> Iterator[MemoryStore]:
    fill(path, conversation=False)
    with agentmem.open(path) as store:
        yield store


@pytest.fixture
def visitor(store: MemoryStore) -> Visitor:
    return Visitor(store)


def test_everything_about_a_record(visitor: Visitor, store: MemoryStore) -> None:
    visitor.get("/search?q=indexer")
    found = visitor.get("/record.json?id=fact-8").json()
    assert found["record"]["content"] == store.get("fact-8").content
    assert found["similar"][0]["record"]["id"] == "fact-9"
    assert [record["id"] for record in found["after"]] == ["fact-9", "fact-10", "fact-11"]
    assert found["found_by"][0]["query"] == "indexer"
    assert found["history"] == []
    assert visitor.get("/record?id=nobody").status_code == 404


def test_a_superseded_fact_has_a_history(visitor: Visitor) -> None:
    new, old = visitor.get("/record.json?id=fact-1").json()["history"]
    assert old["record"]["content"] == "Alice moved from Paris to Rome in May."
    assert [change["name"] for change in new["changes"]] == ["content"]
    assert "<del>" in visitor.get("/record?id=fact-1").text


def test_an_old_version_is_restored_and_the_new_one_stays_in_the_history(
    visitor: Visitor, store: MemoryStore
) -> None:
    new, old = visitor.get("/record.json?id=fact-1").json()["history"]
    assert ">Restore<" in visitor.get("/record?id=fact-1").text
    form = {"id": "fact-1", "version": new["record"]["version"], "how": "supersede", **old["draft"]}
    assert "<ins>" in visitor.post("/record/review", **form).text
    visitor.post("/record/save", **form)
    assert [record.content for record in store.history("fact-1")] == [
        old["record"]["content"],
        new["record"]["content"],
        old["record"]["content"],
    ]


def test_an_edit_is_reviewed_then_saved_then_undone(visitor: Visitor, store: MemoryStore) -> None:
    draft = {
        **visitor.draft("fact-5"),
        "content": "The staging database is Postgres 16.",
        "categories": "a\nb",
    }
    review = visitor.post("/record/review", **draft)
    assert "<del>15</del>" in review.text.replace(" on db-7", "")
    assert "<ins>16</ins>" in review.text
    assert store.get("fact-5").content.startswith("The staging database is Postgres 15"), "not yet"
    saved = visitor.post("/record/save", **draft)
    assert saved.status_code == 200
    assert store.get("fact-5").content == "The staging database is Postgres 16."
    assert store.get("fact-5").categories == ("a", "b")
    assert "Undo" in saved.text
    visitor.post("/undo", done="1", back="/search")
    assert store.get("fact-5").content == "The staging database is Postgres 15 on db-7."
    assert store.get("fact-5").categories == ("fact",)
    assert visitor.post("/undo", done="1").status_code == 410


def test_a_new_fact_keeps_the_old_one_in_the_history(visitor: Visitor, store: MemoryStore) -> None:
    visitor.post(
        "/record/save", **{**visitor.draft("fact-5"), "content": "It is MariaDB.", "how": "supersede"}
    )
    assert [record.content for record in store.history("fact-5")][1:] == ["It is MariaDB."]


def test_of_two_editors_the_second_is_told(visitor: Visitor, store: MemoryStore) -> None:
    draft = {**visitor.draft("fact-5"), "content": "Mine."}
    store.update("fact-5", content="Theirs.")
    answer = visitor.post("/record/save", **draft)
    assert answer.status_code == 409
    assert "Somebody else was faster" in answer.text
    assert "<del>Theirs</del>" in answer.text
    assert store.get("fact-5").content == "Theirs."
    draft["version"] = store.get("fact-5").version
    assert visitor.post("/record/save", **draft).status_code == 200
    assert store.get("fact-5").content == "Mine."


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("metadata", "{", "not JSON"),
        ("metadata", "[]", "not a JSON object"),
        ("importance", "high", "high"),
        ("importance", "7", "7"),
        ("scope", "a//..", "scope"),
        ("expires_at", "soon", "soon"),
    ],
)
def test_what_cannot_be_stored_is_said(
    visitor: Visitor, store: MemoryStore, field: str, value: str, text: str
) -> None:
    before = store.get("fact-5")
    answer = visitor.post("/record/save", **{**visitor.draft("fact-5"), field: value})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert text in answer.text
    assert store.get("fact-5") == before


@pytest.mark.parametrize(
    ("field", "value", "text"), [("metadata", "{", "not JSON"), ("importance", "7", "not in 0..1")]
)
def test_a_draft_is_checked_before_it_is_saved(
    visitor: Visitor, store: MemoryStore, field: str, value: str, text: str
) -> None:
    before = store.get("fact-5")
    draft = visitor.draft("fact-5")
    assert (
        visitor.post("/record/check", **draft).text.strip() == '<p id="unfit" class="whole" role="alert"></p>'
    )
    for path in ("/record/check", "/record/review"):
        answer = visitor.post(path, **{**draft, field: value})
        assert 'role="alert"' in answer.text
        assert text in answer.text
        assert "Save</button>" not in answer.text
    assert store.get("fact-5") == before


def test_text_survives_a_form_as_it_is(visitor: Visitor, store: MemoryStore) -> None:
    """A leading newline, line ends of Windows, and an edit of something else."""
    store.update("fact-5", content="\n\n one\r\ntwo\ttabs \n", metadata={"z": 1, "a": [1.5, None, "ü"]})
    visitor.post("/record/save", **{**visitor.draft("fact-5"), "importance": "0.25"})
    changed = store.get("fact-5")
    assert changed.importance == 0.25
    assert changed.content == "\n\n one\r\ntwo\ttabs \n"
    assert changed.metadata == {"z": 1, "a": [1.5, None, "ü"]}


def test_a_deleted_record_comes_back(visitor: Visitor, store: MemoryStore) -> None:
    before = store.get("fact-5")
    asked = visitor.get("/delete?id=fact-5&back=/search?q=staging")
    assert "Delete this record?" in asked.text
    assert store.get("fact-5") is not None
    answer = visitor.post("/delete/now", id="fact-5", version=before.version, back="/search?q=staging")
    assert store.get("fact-5") is None
    assert answer.url.path == "/search"
    assert "Deleted." in answer.text
    visitor.post("/undo", done=re.findall(r'name="done" value="(\d+)"', answer.text)[0])
    assert store.get("fact-5") == before


def test_what_changed_meanwhile_is_not_deleted(visitor: Visitor, store: MemoryStore) -> None:
    version = visitor.draft("fact-5")["version"]
    store.update("fact-5", content="Important now.")
    assert visitor.post("/delete/now", id="fact-5", version=version).status_code == 409
    assert store.get("fact-5").content == "Important now."


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere(visitor: Visitor, back: str) -> None:
    page = visitor.get(f"/delete?id=fact-5&back={back}")
    assert '<a class="button" href="/browse">' in page.text
    assert 'name="back" value="/browse"' in page.text
    answer = visitor.post("/delete/now", id="fact-5", back=back)
    assert answer.url.host == "testserver"


def test_private_records_cannot_be_touched_unseen(visitor: Visitor, store: MemoryStore) -> None:
    visitor.get("/record?id=fact-5")
    for path in ("/record/review", "/record/save", "/delete/now", "/label"):
        answer = visitor.post(path, id="secret", content="gone", relevant="yes", q="door")
        assert answer.status_code == 404
        assert "4711" not in answer.text
    assert store.get("secret", source="concierge").content == "Alice's door code is 4711."
    assert visitor.get("/record?id=secret").status_code == 404


def test_a_read_only_inspector_writes_nothing(store: MemoryStore) -> None:
    visitor = Visitor(store, read_only=True)
    for path in ("/search?q=indexer", "/record?id=fact-5"):
        page = visitor.get(path).text
        assert "<button" in page or "record" in path
        assert 'method="post"' not in page
        assert "/delete?" not in page
    version = store.changes(limit=0).cursor
    for path in ("/record/review", "/record/save", "/delete/now", "/label", "/undo"):
        assert visitor.post(path, id="fact-5", content="x").status_code == 405
    assert store.changes(limit=0).cursor == version


def test_labels_stay_beside_the_store(visitor: Visitor, store: MemoryStore) -> None:
    visitor.get("/search?q=indexer")
    count = store.count()
    visitor.post("/label", id="fact-8", q="indexer", relevant="yes", back="/search?q=indexer")
    page = visitor.post("/label", id="fact-9", q="indexer", relevant="no", back="/search?q=indexer").text
    assert page.count('aria-pressed="true"') == 2
    labels = visitor.get("/search.json?q=indexer").json()["labels"]
    assert labels == {"fact-8": True, "fact-9": False}
    visitor.post("/label", id="fact-8", q="indexer", relevant="yes")
    assert visitor.get("/search.json?q=indexer").json()["labels"] == {"fact-9": False}, "taken back"
    assert store.count() == count
    assert Path(f"{store.path}-labels.jsonl").read_text("utf-8").count("\n") == 3
