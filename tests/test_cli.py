from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from exports import claude_conversation, claude_message, write_json

import agentmem
import agentmem.cli.commands
from agentmem.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def run(path: Path) -> Run:
    """Run a command on the test's store; a code that is not expected is shown with what was printed."""

    def run(*arguments: str, stdin: str | None = None, code: int = 0, at: Path = path) -> Result:
        result = CliRunner().invoke(cli, [*arguments, "--path", str(at)], input=stdin)
        assert result.exit_code == code, result.output + repr(result.exception)
        if code == 1 and stdin is None:
            assert result.stderr.strip().count("\n") == 0, result.stderr
        return result

    return run


@pytest.fixture
def filled(path: Path) -> Path:
    with agentmem.open(path) as store:
        store.add("Alice prefers email over phone.", id="a", scope="/user/alice", categories=["preference"])
        store.add(
            "Invoice 7 is paid.", id="b", scope="/billing", metadata={"year": 2024}, created_at="2020-01-01"
        )
        store.add("a secret", id="p", private=True, source="me")
    return path


def test_add_and_search(run: Run, path: Path) -> None:
    id = run("add", "Alice prefers email over phone.", "--scope", "/user/alice").stdout.strip()
    (line,) = run("search", "how do I reach alice?").stdout.splitlines()
    score, found, scope, content = line.split("\t")
    assert (found, scope, content) == (id, "/user/alice", "Alice prefers email over phone.")
    assert 0 <= float(score) <= 1


def test_add_with_everything(run: Run, path: Path) -> None:
    options = [
        "--id",
        "x",
        "--scope",
        "/s",
        "-c",
        "one",
        "-c",
        "two",
        "--importance",
        "0.8",
        "--source",
        "me",
        "--private",
        "--created-at",
        "2024-05-01",
    ]
    assert json.loads(run("add", "text", *options, "--metadata", '{"k": [1]}', "--json").stdout) == {
        "id": "x"
    }
    with agentmem.open(path) as store:
        record = store.get("x", source="me")
        assert record is not None
        assert record.to_dict() | {
            "updated_at": 0,
            "last_accessed": 0,
            "created_at": str(record.created_at),
        } == {
            "id": "x",
            "content": "text",
            "scope": "/s",
            "categories": ["one", "two"],
            "metadata": {"k": [1]},
            "importance": 0.8,
            "source": "me",
            "private": True,
            "created_at": "2024-05-01 00:00:00+00:00",
            "updated_at": 0,
            "last_accessed": 0,
            "expires_at": None,
            "embedding": None,
            "version": record.version,
        }
    refused = run("add", "other", "--id", "x", code=1).stderr
    assert refused == "Error: a record with id 'x' exists already; pass --replace to replace it\n"
    run("add", "other", "--id", "x", "--replace")
    run("add", "-", "--id", "y", stdin="from stdin\nin two lines")
    with agentmem.open(path) as store:
        assert store.get("y").content == "from stdin\nin two lines"  # type: ignore[union-attr]


def test_search_options(run: Run, filled: Path) -> None:
    hits = json.loads(run("search", "alice", "--json").stdout)
    assert set(hits[0]) == {"score", "explain", "record"}
    assert hits[0]["record"]["id"] == "a"
    assert run("search", "invoice", "--where", '{"year": {"$gte": 2024}}', "--mode", "bm25").stdout
    for options in (
        ["--scope", "/user"],
        ["--where", '{"year": 1}'],
        ["--since", "2021-01-01"],
        ["--limit", "0"],
    ):
        assert run("search", "invoice", *options).stdout == ""
    assert run("search", "secret").stdout == ""
    assert run("search", "secret", "--source", "me").stdout
    assert run("search", "secret", "--include-private", "--explain").stdout.count("\t") == 4
    assert run("search", "alice", "--min-score", "1.1").stdout == ""
    assert run("search", "-", stdin="where is alice").stdout


def test_get(run: Run, filled: Path) -> None:
    shown = run("get", "b").stdout
    assert "Invoice 7 is paid." in shown
    assert "/billing" in shown
    (record,) = json.loads(run("get", "b", "--json").stdout)
    assert record["metadata"] == {"year": 2024}
    assert "'nobody'" in run("get", "b", "nobody", code=1).stderr
    run("get", "p", code=1)
    run("get", "p", "--source", "me")


def test_list(run: Run, filled: Path) -> None:
    assert [line.split("\t")[1] for line in run("list").stdout.splitlines()] == ["a", "b"]
    assert [
        record["id"] for record in json.loads(run("list", "--json", "-n", "1", "--offset", "1").stdout)
    ] == ["b"]
    assert (
        json.loads(run("list", "--json", "--category", "preference", "--scope", "/user").stdout)[0]["id"]
        == "a"
    )
    assert json.loads(run("list", "--json", "--until", "2020-01-01").stdout) == []


def test_delete(run: Run, filled: Path) -> None:
    assert "Delete 1 record by id" in run("delete", "a", stdin="n\n", code=1).stderr
    assert run("delete", "a", stdin="y\n").stdout == "deleted 1 record\n"
    assert json.loads(run("delete", "a", "--yes", "--json").stdout) == {"deleted": 0}
    assert run("delete", "--scope", "/billing", "-y").stdout == "deleted 1 record\n"
    run("delete", code=2)
    run("delete", "--include-private", "--yes", code=2)
    with agentmem.open(filled) as store:
        assert store.count(include_private=True) == 1


def test_reset(run: Run, filled: Path) -> None:
    run("reset", stdin="", code=1)
    assert "all 3 records" in run("reset", stdin="n\n", code=1).stderr
    run("reset", "--scope", "", "--yes", code=1)
    assert run("reset", "--scope", "/user", "--yes").stdout == "deleted 1 record\n"
    assert json.loads(run("reset", "--yes", "--json").stdout) == {"deleted": 2}


def test_care(run: Run, filled: Path, tmp_path: Path) -> None:
    assert json.loads(run("stats", "--json").stdout)["records"] == 3
    assert "records" in run("stats").stdout
    assert (
        run("verify").stdout
        == "ok: 3 records; the file, the checksums, the full text and the index are sound\n"
    )
    assert json.loads(run("verify", "--json").stdout) == {"ok": True, "records": 3, "problems": []}
    assert run("rebuild").stdout == "rebuilt from 3 records\n"
    assert json.loads(run("rebuild", "--json").stdout) == {"records": 3}
    copy = tmp_path / "copy.db"
    assert json.loads(run("backup", str(copy), "--json").stdout) == {
        "path": str(copy),
        "bytes": copy.stat().st_size,
    }
    assert run("stats", at=copy).stdout


def test_migrate(run: Run, filled: Path) -> None:
    before = filled.read_bytes()
    for options in (["--status"], ["--dry-run"]):
        assert "nothing to do" in run("migrate", *options).stdout
        assert filled.read_bytes() == before
    status = json.loads(run("migrate", "--status", "--json").stdout)
    assert status["current"] == status["latest"]
    assert status["pending"] == []
    assert run("migrate").stdout == "nothing to do\n"
    run("migrate", "--status", at=filled.parent / "none.db")
    assert not (filled.parent / "none.db").exists()
    assert "applied 0001_records" in run("migrate", at=filled.parent / "none.db").stdout
    assert run("migrate", at=filled.parent / "none.db").stdout == "nothing to do\n"


def test_export_and_import(run: Run, filled: Path, tmp_path: Path) -> None:
    exported = run("export").stdout
    assert [json.loads(line)["id"] for line in exported.splitlines()] == ["a", "b"]
    assert run("export", "out.jsonl", "--include-private").stdout == "wrote 3 records to out.jsonl\n"
    other = tmp_path / "other.db"
    assert run("import", "out.jsonl", at=other).stdout == "imported 3 records, skipped 0\n"
    assert json.loads(run("import", "out.jsonl", "--json", at=other).stdout) == {"written": 0, "skipped": 3}
    run("import", "out.jsonl", "--on-conflict", "fail", at=other, code=1)
    run("import", "-", at=tmp_path / "third.db", stdin=exported)
    with agentmem.open(other) as store:
        assert store.count(include_private=True) == 3
    written = json.loads(run("export", "out.jsonl", "--json").stdout)
    assert written == {"path": "out.jsonl", "records": 2}
    assert "none.jsonl" in run("import", "none.jsonl", at=tmp_path / "fourth.db", code=1).stderr
    assert not (tmp_path / "fourth.db").exists()
    assert run("export", "all.jsonl", "--skip-damaged").stdout == "wrote 2 records to all.jsonl\n"
    run("import", "out.jsonl", "somewhere", code=2)
    run("import", "out.jsonl", "--dry-run", code=2)


def test_import_of_a_program(run: Run, tmp_path: Path) -> None:
    assert "Programs:" in run("import", "--help").stdout
    assert "--crew" in run("import", "crewai", "--help").stdout
    nothing = f"found nothing of CrewAI in {tmp_path}\nwould add 0 records, 0 were known, 0 broken\n"
    assert run("import", "crewai", str(tmp_path), "--dry-run").stdout == nothing


@pytest.mark.parametrize("program", ["chatgpt", "claude", "mem0"])
def test_an_import_of_which_nothing_can_be_read_fails(run: Run, tmp_path: Path, program: str) -> None:
    other = tmp_path / "notes.json"
    other.write_text("these are no conversations")
    result = CliRunner().invoke(cli, ["import", program, str(other), "--path", str(tmp_path / "new.db")])
    assert result.exit_code == 1
    assert result.stderr.endswith("Error: nothing of it could be read\n")


def test_import_of_an_export(run: Run, path: Path, tmp_path: Path) -> None:
    conversation = claude_conversation(
        claude_message("m1", "human", "Tea."), claude_message("m2", "human", "x")
    )
    export = str(write_json(tmp_path / "conversations.json", [conversation, 7]))
    would = run("import", "claude", export, "--dry-run").stdout
    assert would == f"read {export}\nwould add 2 records, 0 were known, 1 broken\n"
    assert not path.exists()
    assert run("import", "claude", export).stderr.startswith(f"{export}, conversation 2: ")
    write_json(
        tmp_path / "conversations.json", [claude_conversation(claude_message("m1", "human", "Coffee."))]
    )
    changed = json.loads(run("import", "claude", export, "--json", "--replace").stdout)
    assert (changed["added"], changed["replaced"], changed["known"]) == (0, 1, 0)
    assert "name the file or folder" in run("import", "claude", code=1).stderr
    run("import", "claude", "nowhere.zip", code=2, at=tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    assert "conversations.json" in run("import", "claude", "--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["search"],
        ["search", "x", "--limit", "-1"],
        ["search", "x", "--limit", "ten"],
        ["search", "x", "--mode", "magic"],
        ["search", "x", "--where", "nonsense"],
        ["list", "--where", "5"],
        ["add", "x", "--metadata", "[]"],
        ["get"],
        ["nonsense"],
        ["list", "--colour", "red"],
    ],
    ids=str,
)
def test_usage(run: Run, filled: Path, arguments: list[str]) -> None:
    assert "Usage:" in run(*arguments, code=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "x", "--importance", "5"],
        ["add", "x", "--scope", "/../x"],
        ["list", "--since", "yesterday"],
        ["search", "x", "--where", '{"a": {"$near": 1}}'],
        ["backup", "/no/such/folder/x.db"],
        ["export", "/no/such/folder/x.jsonl"],
        ["embed", "--embedder", "os:getcwd"],
    ],
    ids=str,
)
def test_failures(run: Run, filled: Path, arguments: list[str]) -> None:
    assert run(*arguments, code=1).stderr.startswith("Error: ")


def test_errors_of_the_system_are_sentences(run: Run, filled: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none" / "x.db"
    for command in ("add x", "demo"):
        assert run(*command.split(), at=missing, code=1).stderr == (
            f"Error: there is no folder {str(missing.parent)!r}\n"
        )
    assert run("export", str(tmp_path), code=1).stderr == f"Error: {str(tmp_path)!r}: Is a directory\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("command", ["--help", "list", "list --json", "export", "stats"])
def test_a_full_disk_behind_the_output_is_one_line(filled: Path, command: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "agentmem", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"AGENTMEM_PATH": str(filled)},
        )
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")


@pytest.mark.skipif(os.name != "posix", reason="a shell that can close a file")
@pytest.mark.parametrize("command", ["search -", "add -", "import -", "reset", "delete a"])
def test_without_standard_input(filled: Path, command: str) -> None:
    shell = f'"{sys.executable}" -m agentmem {command} --path "{filled}" <&-'
    done = subprocess.run(shell, shell=True, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: there is no standard input to read")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="a shell that can close a file")
def test_without_standard_error(filled: Path) -> None:
    shell = f'"{sys.executable}" -m agentmem verify --path "{filled}" 2>&-'
    assert subprocess.run(shell, shell=True, stdout=subprocess.PIPE, text=True).stdout.startswith("ok: ")


def test_standard_input_of_another_encoding_is_one_line(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agentmem", "add", "-", "--path", str(path)],
        input=b"gr\xfc\xdfe",
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )
    assert done.stderr.startswith(b"Error: standard input is not text in utf-8: ")
    assert done.stderr.count(b"\n") == 1
    assert not path.exists()


@pytest.mark.parametrize(
    "command", ["search x", "get x", "list", "delete x", "reset", "stats", "verify", "rebuild"]
)
def test_nothing_is_made_by_looking(run: Run, path: Path, command: str) -> None:
    assert "there is no store" in run(*command.split(), code=1).stderr
    assert not path.exists()


def test_other_files(run: Run, path: Path, tmp_path: Path) -> None:
    path.write_text("not a store")
    assert "not an agentmem store" in run("stats", code=1).stderr
    assert "not an agentmem store" in run("stats", at=tmp_path, code=1).stderr
    assert path.read_text() == "not a store"


def test_path_from_the_environment(filled: Path) -> None:
    result = CliRunner().invoke(cli, ["stats", "--json"], env={"AGENTMEM_PATH": str(filled)})
    assert json.loads(result.stdout)["path"] == str(filled)


def test_help_teaches() -> None:
    names = [
        "migrate",
        "add",
        "search",
        "get",
        "list",
        "delete",
        "stats",
        "verify",
        "rebuild",
        "backup",
        "export",
        "import",
        "reset",
        "demo",
    ]
    overview = CliRunner().invoke(cli, ["--help"]).stdout
    for name in names:
        assert f"  {name} " in overview
        shown = CliRunner().invoke(cli, [name, "--help"]).stdout
        assert "--path" in shown or name == "demo"
        assert "--json" in shown or name in ("demo", "export")
        assert f"agentmem {name}" in shown or name in ("demo", "stats", "verify", "rebuild"), name
    assert agentmem.__version__ in CliRunner().invoke(cli, ["--version"]).stdout


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


OnTerminal = Callable[..., str]


@pytest.fixture
def on_terminal(path: Path, monkeypatch: pytest.MonkeyPatch) -> OnTerminal:
    """Run a command on a terminal of so many columns; returns what it shows there."""

    def on_terminal(*arguments: str, columns: int = 80, **environment: str) -> str:
        for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
            monkeypatch.delenv(name, raising=False)
        environment = {"TERM": "xterm", "COLUMNS": str(columns), **environment}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        out = Terminal()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", Terminal())
        cli([*arguments, "--path", str(path)], standalone_mode=False)
        monkeypatch.undo()
        return out.getvalue()

    return on_terminal


def without_styles(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


def test_markup_in_a_record_is_text(on_terminal: OnTerminal, filled: Path) -> None:
    with agentmem.open(filled) as store:
        store.add("[bold]alice[/] [/nonsense]", id="markup")
    for command in (["list"], ["search", "alice", "--explain"]):
        assert "[bold]alice[/] [/nonsense]" in on_terminal(*command, NO_COLOR="1")
    assert "nothing relevant" in on_terminal("search", "nothing-like-it")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_list_and_search_are_readable_at_any_width(on_terminal: OnTerminal, path: Path, columns: int) -> None:
    """Ids stay in one piece, no line is too long, and the content has at least 38 columns."""
    words = [f"word{n}" for n in range(30)]
    with agentmem.open(path) as store:
        id = store.add(" ".join(words), scope="/user/alice")
    for command in (["list"], ["search", "word3", "--explain"]):
        lines = without_styles(on_terminal(*command, columns=columns)).splitlines()
        assert max(map(len, lines)) <= columns
        assert any(id in line for line in lines)
        assert any("/user/alice" in line for line in lines)
        assert [word for word in " ".join(lines).split() if word.startswith("word")] == words
        assert max(len(" ".join(re.findall(r"word\d+", line))) for line in lines) >= 30


def test_a_plain_terminal_has_as_many_columns_as_it_says(on_terminal: OnTerminal, filled: Path) -> None:
    for command in ("list", "search alice"):
        lines = on_terminal(*command.split(), columns=50, TERM="dumb").splitlines()
        assert max(map(len, lines)) <= 50


def test_no_journals_is_said_on_a_terminal(on_terminal: OnTerminal, run: Run, filled: Path) -> None:
    assert on_terminal("journals") == "there are no such journals\n"
    assert run("journals").stdout == ""


def test_what_is_no_number_is_called_so(run: Run) -> None:
    assert "'many' is not a valid integer." in run("list", "--limit", "many", code=2).stderr
    assert "'much' is not a valid number." in run("dedupe", "--min-score", "much", code=2).stderr


def test_a_folder_is_not_imported_and_no_store_is_made(run: Run, tmp_path: Path) -> None:
    store = tmp_path / "new.db"
    assert "is a folder" in run("import", str(tmp_path), code=1, at=store).stderr
    assert not store.exists()


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_styles_can_be_turned_off(on_terminal: OnTerminal, filled: Path, variable: dict[str, str]) -> None:
    for command in (["get", "b"], ["list"], ["search", "alice"]):
        assert "\x1b[" in on_terminal(*command)
        assert "\x1b" not in on_terminal(*command, **variable)


def test_a_search_shows_bars_and_the_words_it_found(on_terminal: OnTerminal, filled: Path) -> None:
    shown = on_terminal("search", "do you email alice?", "--why")
    assert "█" in shown
    assert "\x1b[1memail\x1b[0m" in shown
    assert re.search(r"email \d\.\d\d", shown)
    assert "█" not in on_terminal("search", "alice", TERM="dumb")


def test_the_reason_is_a_column_in_a_pipe(run: Run, filled: Path) -> None:
    (line,) = run("search", "email", "--why").stdout.splitlines()
    cells = line.split("\t")
    assert re.fullmatch(r"[01]\.\d{3}", cells[0])
    assert cells[-1].startswith("email ")


def test_stats_are_sentences(run: Run, filled: Path) -> None:
    sentences = run("stats").stdout.splitlines()
    assert "holds 3 records with" in sentences[0]
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str) -> None:
    program = [sys.executable, "-c", "from agentmem.cli import main; main()"]
    script = subprocess.run(
        [*program, "completion", shell], capture_output=True, check=True, text=True
    ).stdout
    assert f"_AGENTMEM_COMPLETE={shell}_complete" in script
    typed = {"COMP_WORDS": "agentmem ver", "COMP_CWORD": "ver" if shell == "fish" else "1"}
    env = os.environ | typed | {"_AGENTMEM_COMPLETE": f"{shell}_complete"}
    assert "verify" in subprocess.run(program, capture_output=True, check=False, text=True, env=env).stdout


COMPLETE = {
    "bash": """
source <(agentmem completion bash)
COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_agentmem_completion agentmem
printf '%s\\n' "${{COMPREPLY[@]}}"
""",
    "fish": """
agentmem completion fish | source
complete -C "{typed}"
""",
}


@pytest.mark.parametrize("shell", COMPLETE)
def test_the_shell_itself_completes(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    program = tmp_path / "agentmem"
    python = f'"{sys.executable}" -c "from agentmem.cli import main; main()"'
    program.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    program.chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    def offered(typed: str) -> set[str]:
        script = COMPLETE[shell].format(typed=typed)
        done = subprocess.run([shell, "-c", script], capture_output=True, check=True, text=True, env=env)
        return {line.partition("\t")[0] for line in done.stdout.splitlines() if line}

    assert offered("agentmem ver") == {"verify"}
    assert offered("agentmem import ch") == {"chatgpt", "chroma"}
    assert "--replace" in offered("agentmem import chroma --")


UNSAFE = {
    "a title": "\x1b]0;owned\x07",
    "a colour": "\x1b[31m",
    "C1 CSI": "\x9b31m",
    "C1 OSC": "\x9d0;owned\x9c",
    "backspace and return": "\b\r",
    "delete": "\x7f",
    "bidi override": "\u202eevil\u202c",
    "bidi isolate": "\u2066evil\u2069",
    "line separator": "\u2028",
}


def is_harmless(shown: str) -> bool:
    return not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", shown)


@pytest.mark.parametrize("unsafe", UNSAFE.values(), ids=UNSAFE.keys())
def test_text_of_records_never_controls_the_terminal(
    run: Run, on_terminal: OnTerminal, path: Path, unsafe: str
) -> None:
    """In no field, with no command, on a terminal or in a pipe; JSON still has the exact text."""
    text = f"hello {unsafe} world"
    record = agentmem.Record(
        text, id=text, categories=[text], metadata={text: [text]}, source=text, scope=f"/{text.strip()}"
    )
    with agentmem.open(path) as store:
        store.add_many([record])
    commands: list[list[str]] = [
        ["list"],
        ["search", "hello", "--explain"],
        ["get", text],
        ["stats"],
        ["verify"],
        ["export"],
        ["list", "--json"],
        ["search", "hello", "--json"],
        ["get", text, "--json"],
    ]
    for command in commands:
        assert is_harmless(run(*command).stdout), command
    for command in commands[:5]:
        for columns in (40, 200):
            assert is_harmless(without_styles(on_terminal(*command, columns=columns))), command
    for command in (["get", f"no {text}"], ["add", "x", "--id", text], ["list", "--scope", f"/../{text}"]):
        failed = run(*command, code=1)
        assert failed.stderr
        assert is_harmless(failed.stderr), command
    assert is_harmless(run("reset", "--scope", f"/{text.strip()}", stdin="n\n", code=1).stderr)
    (shown,) = json.loads(run("get", text, "--json").stdout)
    assert agentmem.Record.from_dict(shown) == record
    assert agentmem.Record.from_json(run("export").stdout) == record


def test_a_path_never_controls_the_terminal(run: Run, filled: Path) -> None:
    path = filled.parent / "\x1b]0;owned\x07.db"
    assert is_harmless(run("list", at=path, code=1).stderr)
    agentmem.open(path).close()
    for command in (["stats"], ["stats", "--json"], ["migrate", "--status"]):
        assert is_harmless(run(*command, at=path).stdout)
    assert is_harmless(run("backup", "\x1b[31mcopy.db", at=path).stdout)


def test_further_lines_of_a_value_cannot_pass_for_fields(run: Run, path: Path) -> None:
    with agentmem.open(path) as store:
        store.add("first line\nprivate        true", id="x")
    fields = [line.split()[0] for line in run("get", "x").stdout.splitlines() if not line.startswith(" ")]
    assert fields.count("private") == 1


BATCH = 10_000  # lines that an import puts into one transaction


def record_lines(count: int) -> str:
    return "".join(f'{{"content": "record {n}", "id": "{n}"}}\n' for n in range(count))


def test_a_failed_import_from_a_pipe_says_what_stays(path: Path) -> None:
    command = [sys.executable, "-m", "agentmem", "import", "-", "--path", str(path)]
    for lines, told in (
        (record_lines(BATCH + 5) + "nonsense\n", f"; {BATCH:,} records were added and stay; "),
        ("nonsense\n", "; no records were added\n"),
    ):
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert told in done.stderr
        with agentmem.open(path) as store:
            assert store.count() == BATCH


def test_an_import_of_used_ids_names_the_option(run: Run, filled: Path) -> None:
    Path("used.jsonl").write_text('{"content": "x", "id": "a"}\n')
    failed = run("import", "used.jsonl", "--on-conflict", "fail", code=1).stderr
    assert "--on-conflict skip or replace" in failed
    assert "put()" not in failed


def test_ctrl_c_in_an_import_tells_lines_from_records(path: Path) -> None:
    class Pipe(io.RawIOBase):
        """Holds some lines, then Ctrl-C comes."""

        lines = io.BytesIO(record_lines(BATCH + 5000).encode())

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            count = self.lines.readinto(buffer)
            if len(buffer) and not count:
                raise KeyboardInterrupt
            return count

    result = CliRunner().invoke(cli, ["import", "-", "--path", str(path)], input=Pipe())
    assert result.exit_code == 130
    with agentmem.open(path) as store:
        stays = store.count()
    stopped = re.fullmatch(
        r"Error: stopped after ([\d,]+) lines; the store is intact; "
        r"([\d,]+) records were added and stay; .*\n",
        result.stderr,
    )
    assert stopped, result.stderr
    lines, records = (int(number.replace(",", "")) for number in stopped.groups())
    assert lines > records == stays > 0


def test_module_and_script(filled: Path) -> None:
    for command in ([sys.executable, "-m", "agentmem"], ["agentmem"]):
        try:
            done = subprocess.run([*command, "list", "--path", str(filled)], capture_output=True, text=True)
        except FileNotFoundError:
            assert command == ["agentmem"]
            continue
        assert done.returncode == 0
        assert "Alice" in done.stdout


def test_a_reader_that_goes_away(filled: Path) -> None:
    with agentmem.open(filled) as store:
        store.add_many(f"line {n} " + "x" * 500 for n in range(2000))
    shell = f"{sys.executable} -m agentmem export --path {filled} | head -n 1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True)
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_what_a_terminal_cannot_show_is_escaped(filled: Path) -> None:
    with agentmem.open(filled) as store:
        store.add("手机")
    done = subprocess.run(
        [sys.executable, "-m", "agentmem", "list", "--path", str(filled)],
        capture_output=True,
        timeout=60,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u624b\\u673a" in done.stdout


def test_json_is_ascii_where_the_output_is_not_utf8(filled: Path) -> None:
    """Programs read JSON as UTF-8; a pipe on Windows often has another encoding."""
    text = "naïve 手机 \U0001f600"
    with agentmem.open(filled) as store:
        store.add(text)
    done = subprocess.run(
        [sys.executable, "-m", "agentmem", "list", "--json", "--path", str(filled)],
        check=True,
        capture_output=True,
        timeout=60,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
    )
    assert text in {record["content"] for record in json.loads(done.stdout.decode("ascii"))}


def test_metadata_that_nests_without_end_is_a_usage_error(run: Run) -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    assert len(run("list", "--where", deep, code=2).stderr) < 2000


def test_a_demo_can_be_kept(run: Run, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    run("demo", at=kept)
    with agentmem.open(kept) as store:
        assert store.count() > 50
    assert "exists; name a new file" in run("demo", at=kept, code=1).stderr


def test_demo_as_json(run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agentmem", "demo", "--json"]
    shown = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    assert shown["records"] > 50
    assert shown["searches"][0]["hits"][0]["content"].startswith("I avoid racetracks now")


@pytest.mark.skipif(os.name != "posix", reason="a shell that can close a file")
def test_without_standard_output(filled: Path) -> None:
    command = f'"{sys.executable}" -m agentmem list --path "{filled}" >&-'
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "Error: there is no standard output to write to\n")


def test_demo(tmp_path: Path) -> None:
    environment: dict[str, Any] = os.environ | {"COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "agentmem", "demo"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    for shown in (
        "RFC 439",
        "I avoid racetracks now",
        "bm25",
        "tfidf",
        "vector",
        "hybrid",
        "agentmem inspect --path demo.db",
        "agentmem add",
        "import agentmem",
    ):
        assert shown in done.stdout, shown
    assert not list(tmp_path.iterdir())


def test_the_demo_tells_the_conversation_as_it_was() -> None:
    from agentmem.demo import utterances

    said = list(utterances())
    assert len(said) > 120
    assert (said[0]["content"], said[0]["metadata"]["speaker"]) == ("Good Evening.", "DOCTOR")
    assert ("People get on my nerves sometimes.", "PARRY") in [
        (u["content"], u["metadata"]["speaker"]) for u in said
    ]
    assert said[-1]["content"] == "talk about tricky operators..."
    assert not any("Cerf" in u["content"] or "RFC" in u["content"] for u in said)


@pytest.mark.skipif(os.name != "posix", reason="a working directory can be removed")
@pytest.mark.skipif(
    sys.version_info[:3] == (3, 13, 0), reason="there, 3.13.0 imports no module made with PyO3"
)
@pytest.mark.parametrize("start", ["-m agentmem", '-c "from agentmem.cli import main; main()"'])
def test_the_working_directory_may_be_gone(filled: Path, tmp_path: Path, start: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    shell = f'cd "{gone}" && rmdir "{gone}" && "{sys.executable}" {start} list --path "{filled}"'
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Alice" in done.stdout


@pytest.mark.parametrize(
    "file", sorted(Path(agentmem.cli.commands.__file__).parent.glob("*.py")), ids=lambda file: file.stem
)
def test_commands_print_escaped_text_only_and_use_the_public_interface(file: Path) -> None:
    code = file.read_text()
    for name in ("click.echo", "click.secho", "print(", "sys.stdout", "_core"):
        assert not re.search(rf"(?<![\w.]){re.escape(name)}", code), name
