"""`agentmem import chatgpt` and `import claude`: account exports come into a store."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
from exports import chatgpt_conversation, claude_conversation, claude_message, said, write_json, write_zip

import agentmem
from agentmem.importers.programs import import_program


@pytest.fixture
def chatgpt_zip(tmp_path: Path) -> Path:
    first = chatgpt_conversation(
        "c1",
        m1=said("user", "I like oolong tea.", metadata={"x": 1}),
        m2=said("assistant", "Noted!", metadata={"model_slug": "gpt-5"}),
        system=said("system", "You are ChatGPT."),
        hidden=said("user", "My profile", metadata={"is_visually_hidden_from_conversation": True}),
        call=said("assistant", "print(1)", recipient="python"),
        memory=said("assistant", "Likes oolong tea", recipient="bio"),
        thoughts=said("assistant", "", content={"content_type": "thoughts", "thoughts": []}),
        speech=said(
            "user",
            "",
            content={
                "content_type": "multimodal_text",
                "parts": [
                    {"content_type": "audio_transcription", "text": "And green tea"},
                    {"content_type": "image_asset_pointer", "asset_pointer": "file-service://1"},
                    "in the evening",
                ],
            },
        ),
    )
    second = chatgpt_conversation("c2", m1=said("user", "Which city?", at=None))
    return write_zip(
        tmp_path / "export.zip",
        conversations__=[],
        **{"conversations-000": [first], "conversations-001": [second]},
        user={"id": "user-7", "email": "a@example.com"},
        message_feedback=[],
    )


def test_what_was_said_in_chatgpt_comes_in_with_dates_user_and_ids(chatgpt_zip, quick):
    report = import_program(quick, "chatgpt", chatgpt_zip)
    assert (report.added, report.known, report.broken, report.problems) == (5, 0, 0, [])
    assert report.sources == [str(chatgpt_zip)]
    contents = {record.content: record for record in quick.list()}
    assert contents.keys() == {
        "I like oolong tea.",
        "Noted!",
        "Likes oolong tea",
        "And green tea\nin the evening",
        "Which city?",
    }
    tea = contents["Noted!"]
    assert tea.scope == "/chatgpt/c1"
    assert tea.created_at == datetime(2024, 1, 1, 0, 0, 1, 500_000, tzinfo=timezone.utc)
    assert tea.metadata == {
        "conversation": "c1",
        "title": "Tea",
        "user": "user-7",
        "message": "m2",
        "role": "assistant",
        "model": "gpt-5",
    }
    assert list(contents["Likes oolong tea"].categories) == ["memory"]
    assert contents["Which city?"].created_at == datetime(2024, 1, 1, tzinfo=timezone.utc)


def test_a_second_import_adds_what_is_new(chatgpt_zip, quick, tmp_path):
    import_program(quick, "chatgpt", chatgpt_zip)
    assert import_program(quick, "chatgpt", chatgpt_zip).known == 5
    later = chatgpt_conversation("c2", m1=said("user", "Which city?"), m9=said("assistant", "Taipei."))
    report = import_program(quick, "chatgpt", write_json(tmp_path / "conversations.json", [later]))
    assert (report.added, report.known) == (1, 1)


def test_a_zip_its_folder_and_one_file_are_the_same(chatgpt_zip, quick, tmp_path):
    with zipfile.ZipFile(chatgpt_zip) as archive:
        archive.extractall(tmp_path / "folder")
    assert import_program(quick, "chatgpt", tmp_path / "folder").added == 5
    assert import_program(quick, "chatgpt", chatgpt_zip).added == 0
    file = tmp_path / "folder" / "conversations-001.json"
    assert import_program(quick, "chatgpt", file).known == 1


def test_a_dry_run_says_the_same_and_writes_nothing(chatgpt_zip, quick):
    assert import_program(quick, "chatgpt", chatgpt_zip, dry_run=True).added == 5
    assert quick.count() == 0


def test_bad_items_are_counted_and_the_others_come_in(quick, tmp_path):
    odd = chatgpt_conversation(
        "odd", m1=said("user", "Fine."), m2={"author": None}, m3=said("user", "\ud800\0")
    )
    odd["mapping"]["m4"] = 7
    conversations = [odd, 7, {"title": "no id"}, {"id": "x", "mapping": []}, chatgpt_conversation("c9")]
    report = import_program(quick, "chatgpt", write_json(tmp_path / "conversations.json", conversations))
    assert (report.added, report.broken) == (2, 5)
    assert {record.content for record in quick.list()} == {"Fine.", "\ufffd\ufffd"}
    assert any("conversation 3" in problem for problem in report.problems)


def test_text_that_ends_early_keeps_what_came_before(quick, tmp_path):
    whole = json.dumps([chatgpt_conversation(f"c{n}", m=said("user", f"message {n}")) for n in range(50)])
    path = tmp_path / "conversations.json"
    path.write_text(whole[: len(whole) // 2])
    report = import_program(quick, "chatgpt", path)
    assert 20 < report.added == quick.count() < 30
    assert report.broken == 1


def test_a_zip_that_would_fill_memory_or_disk_is_refused(quick, tmp_path):
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("conversations.json", "w") as file,
    ):
        for _ in range(101):
            file.write(b" " * (1 << 20))
    report = import_program(quick, "chatgpt", path)
    assert (report.added, report.broken) == (0, 1)
    assert "grows" in report.problems[0]


def test_damaged_and_foreign_files_are_errors_that_say_what_to_do(quick, tmp_path):
    with pytest.raises(agentmem.AgentMemError, match=r"name the zip"):
        import_program(quick, "chatgpt", tmp_path / "nothing.zip")
    with pytest.raises(agentmem.AgentMemError, match=r"conversations\.json"):
        import_program(quick, "chatgpt", write_zip(tmp_path / "other.zip", user={}))
    with pytest.raises(agentmem.AgentMemError, match="name the file or folder"):
        import_program(quick, "chatgpt")
    damaged = tmp_path / "damaged.zip"
    write_zip(damaged, conversations=[chatgpt_conversation(m=said("user", "hello " * 100))])
    data = bytearray(damaged.read_bytes())
    data[60:70] = b"\xff" * 10
    damaged.write_bytes(data)
    assert import_program(quick, "chatgpt", damaged).broken == 1
    assert quick.count() == 0


@pytest.fixture
def claude_zip(tmp_path: Path) -> Path:
    conversation = claude_conversation(
        claude_message("m1", "human", "I like oolong tea.", content=[]),
        claude_message(
            "m2",
            "assistant",
            "",
            content=[
                {"type": "thinking", "thinking": "Hm."},
                {"type": "text", "text": "Noted!"},
                {"type": "tool_use", "name": "search", "input": {}},
                {"type": "text", "text": "Anything else?"},
            ],
        ),
        claude_message(
            "m3", "human", "", attachments=[{"file_name": "a.txt", "extracted_content": "Prices"}]
        ),
    )
    return write_zip(
        tmp_path / "data-batch-0000.zip",
        conversations=[conversation],
        users=[{"uuid": "account-1", "full_name": "Alice"}],
        memories=[
            {
                "conversations_memory": "Alice drinks tea.",
                "project_memories": {"p1": "The shop sells tea.", "p2": ""},
                "account_uuid": "account-1",
            }
        ],
        projects__p1={
            "uuid": "p1",
            "name": "Shop",
            "docs": [{"uuid": "d", "filename": "b.md", "content": "Plan"}],
        },
    )


def test_what_was_said_in_claude_comes_in_with_memories_and_documents(claude_zip, quick):
    report = import_program(quick, "claude", claude_zip)
    assert (report.added, report.broken, report.problems) == (6, 0, [])
    found = {record.content: record for record in quick.list()}
    assert found["Noted!\nAnything else?"].metadata["role"] == "assistant"
    mine = found["I like oolong tea."]
    assert (mine.scope, mine.metadata["user"], mine.metadata["message"]) == ("/claude/c1", "account-1", "m1")
    assert mine.created_at == datetime(2025, 1, 1, 12, 0, 1, tzinfo=timezone.utc)
    assert found["Prices"].metadata["file"] == "a.txt"
    assert list(found["Alice drinks tea."].categories) == ["memory"]
    assert found["The shop sells tea."].scope == found["Plan"].scope == "/claude/projects/p1"
    assert import_program(quick, "claude", claude_zip).known == 6


def test_bad_items_of_claude_are_counted(quick, tmp_path):
    conversation = claude_conversation(
        claude_message("m1", "human", "Fine."),
        None,
        {"uuid": "m2"},
        claude_message("m3", "human", "x", content=[7]),
    )
    report = import_program(quick, "claude", write_json(tmp_path / "any.json", [conversation, {}]))
    assert (report.added, report.broken) == (1, 4)


def test_what_changed_is_replaced_on_request(quick, tmp_path):
    path = tmp_path / "conversations.json"
    write_json(
        path, [claude_conversation(claude_message("m1", "human", "old"), claude_message("m2", "human", "b"))]
    )
    import_program(quick, "claude", path)
    write_json(
        path, [claude_conversation(claude_message("m1", "human", "new"), claude_message("m2", "human", "b"))]
    )
    assert import_program(quick, "claude", path).known == 2
    report = import_program(quick, "claude", path, replace=True)
    assert (report.added, report.replaced, report.known) == (0, 1, 1)
    assert {record.content for record in quick.list()} == {"new", "b"}
