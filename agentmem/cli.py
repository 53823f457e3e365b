"""The command line: `agentmem`, or `python -m agentmem`."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

import agentmem
from agentmem import _core
from agentmem.store import DEFAULT_PATH, PATH_VARIABLE
from agentmem.types import Filters, Hit, Record

if TYPE_CHECKING:
    from agentmem.types import Progress

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Failure(click.ClickException):
    """Ends the command with one line on stderr."""

    def __init__(self, message: object) -> None:
        """Say what went wrong."""
        super().__init__(" ".join(str(message).split()))


class Stopped(Failure):
    """Ends the command after Ctrl-C."""

    exit_code = 130


class Commands(click.Group):
    """The commands, in the order in which one learns them; what agentmem raises ends them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names as they were declared."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Stopped("stopped; the store is sound") from None
        except BrokenPipeError:
            raise
        except (agentmem.AgentMemError, OSError) as error:
            raise Failure(error) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(agentmem.__version__, prog_name="agentmem")
def cli() -> None:
    """A memory for agents in one SQLite file.

    \b
    Try it, with no setup at all:
      agentmem demo
    \b
    Then keep memories of your own:
      agentmem add "Alice prefers email over phone." --scope /user/alice
      agentmem search "how do I reach alice?"
    \b
    The file is --path, else $AGENTMEM_PATH, else ./agentmem.db.
    """


def main(prog_name: str = "agentmem") -> None:
    """Run the command line."""
    if sys.stdout is None:
        click.echo("Error: there is no standard output to write to", err=True)
        sys.exit(1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a terminal cannot show must not end the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    cli(prog_name=prog_name)


# Options that commands share


def path_option(command: _Command) -> _Command:
    """Let the command be told which store."""
    return click.option(
        "--path",
        "-p",
        default=DEFAULT_PATH,
        envvar=PATH_VARIABLE,
        show_default=f"${PATH_VARIABLE}, else {DEFAULT_PATH}",
        help="The store's file.",
    )(command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Do it without asking.")


def _json_object(ctx: click.Context, param: click.Parameter, text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{_shortened(text)!r} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise click.BadParameter(f"{text!r} is no JSON object; write it like '{{\"year\": 2024}}'")
    return found


def filter_options(command: _Command) -> _Command:
    """Let the command be told which records, as all reads are."""
    options = [
        click.option("--scope", "-s", help="In this scope or below, such as /user/alice."),
        click.option("--category", "-c", "categories", multiple=True, help="With this label; repeatable."),
        click.option(
            "--where",
            "-w",
            metavar="JSON",
            callback=_json_object,
            help="""Metadata: '{"topic": "x", "year": {"$gte": 2024}}'.""",
        ),
        click.option("--since", metavar="DATE", help="Created at or after: 2024-05-01, 2024-05-01T12:30Z."),
        click.option("--until", metavar="DATE", help="Created before."),
        click.option("--source", help="Who asks: sees private records of this source too."),
        click.option("--include-private", is_flag=True, help="See all private records."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _narrows(filters: Filters) -> bool:
    return any(filters.get(name) for name in ("scope", "categories", "where", "since", "until"))


def _open(path: str, *, create: bool = False) -> agentmem.MemoryStore:
    if not create and not os.path.exists(path):
        raise Failure(f"there is no store at {path!r}; name one with --path, or begin with `agentmem add`")
    try:
        return agentmem.open(path)
    except agentmem.StoreReadOnlyError:
        # It can be read all the same; what would write in it says so.
        return agentmem.open(path, read_only=True)


# Commands


@cli.command()
@click.option("--path", "-p", type=click.Path(), help="Keep the store in this new file.")
@json_option
def demo(path: str | None, as_json: bool) -> None:
    """Show what it does: store a real conversation and search it from a second process.

    Takes seconds, needs no key and no network, and leaves nothing behind unless --path is given.
    """
    from agentmem.demo import run

    if path is not None and os.path.exists(path):
        raise Failure(f"{path!r} is there already; name a new file")
    run(path, as_json)


@cli.command()
@click.argument("content")
@path_option
@click.option("--scope", "-s", default="/", show_default=True, help="Where it belongs, such as /user/alice.")
@click.option("--category", "-c", "categories", multiple=True, help="A label; may be repeated.")
@click.option(
    "--metadata", "-m", metavar="JSON", callback=_json_object, help="""An object: '{"topic": "contact"}'."""
)
@click.option("--importance", type=float, default=0.5, show_default=True, help="0 to 1.")
@click.option("--source", help="Who says so.")
@click.option("--private", is_flag=True, help="Let only the same --source see it.")
@click.option("--created-at", metavar="DATE", help="When it came to be, if not now.")
@click.option("--id", help="An id of your own; without it, a new UUID.")
@click.option("--replace", is_flag=True, help="Replace a record that has the id already.")
@json_option
def add(path: str, content: str, replace: bool, as_json: bool, **fields: Any) -> None:
    """Store CONTENT and print its id; with - for CONTENT, what comes on stdin.

    \b
    agentmem add "Alice prefers email over phone." --scope /user/alice --category preference
    agentmem add "Invoice 7 is paid." --metadata '{"invoice": 7}' --importance 0.8
    git log -1 | agentmem add - --scope /repo
    """
    record = Record(_text(content), **fields)
    with _open(path, create=True) as store:
        (id,) = store.put_many([record]) if replace else store.add_many([record])
    _print_json({"id": id}) if as_json else click.echo(id)


@cli.command()
@click.argument("query")
@path_option
@click.option("--limit", "-n", type=click.IntRange(0), default=10, show_default=True, help="At most so many.")
@click.option(
    "--mode",
    type=click.Choice(["hybrid", "bm25", "tfidf"]),
    default="hybrid",
    show_default=True,
    help="Which ranking answers.",
)
@click.option("--min-score", type=float, default=0.0, help="Leave out the less relevant; 0.6 is a good bar.")
@click.option("--explain", is_flag=True, help="Show what each ranking gave.")
@filter_options
@json_option
def search(
    path: str,
    query: str,
    limit: int,
    mode: Any,
    min_score: float,
    explain: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Find what is relevant to QUERY, best first; with - for QUERY, to what comes on stdin.

    Any text is a query: a question, keywords, or a whole task. Nothing in it is syntax.

    \b
    agentmem search "how do I reach alice?"
    agentmem search invoices --scope /billing --where '{"year": {"$gte": 2024}}' --limit 3
    agentmem search - --min-score 0.6 --json < task.txt
    """
    with _open(path) as store:
        hits = store.search(_text(query), limit, mode=mode, min_score=min_score, **filters)
    if as_json:
        _print_json([_hit(hit) for hit in hits])
        return
    headings = ["score", "id", "scope", "content"] + (["explain"] if explain else [])
    _print_table(headings, [_hit_row(hit, explain) for hit in hits], "nothing relevant was found")


@cli.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@path_option
@click.option("--source", help="Who asks: sees private records of this source too.")
@click.option("--include-private", is_flag=True, help="See all private records.")
@json_option
def get(path: str, ids: tuple[str, ...], source: str | None, include_private: bool, as_json: bool) -> None:
    """Show the records of these IDs, whole.

    \b
    agentmem get 0198c8a4-6f1c-7d3a-9a55-0f6c2f3d1b7e
    agentmem get my-id --json
    """
    with _open(path) as store:
        found = store.get_many(ids, source=source, include_private=include_private)
    records = [record for record in found if record is not None]
    if as_json:
        _print_json([_record(record) for record in records])
    else:
        for record in records:
            _print_fields(_record(record))
    missing = [id for id, record in zip(ids, found, strict=True) if record is None]
    if missing:
        raise Failure(f"no record has the id {', '.join(map(repr, missing))}, or it is private")


@cli.command("list")
@path_option
@click.option("--limit", "-n", type=click.IntRange(0), default=20, show_default=True, help="At most so many.")
@click.option("--offset", type=click.IntRange(0), default=0, help="Pass over so many.")
@filter_options
@json_option
def list_(path: str, limit: int, offset: int, as_json: bool, **filters: Any) -> None:
    """List records, newest first.

    \b
    agentmem list --limit 5
    agentmem list --scope /user --since 2024-05-01
    """
    with _open(path) as store:
        records = store.list(limit, offset, **filters)
    if as_json:
        _print_json([_record(record) for record in records])
    else:
        rows = [[_local(record.created_at), record.id, record.scope, record.content] for record in records]
        _print_table(["created", "id", "scope", "content"], rows, "there are no such records")


@cli.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@path_option
@filter_options
@yes_option
@json_option
def delete(path: str, ids: tuple[str, ...], yes: bool, as_json: bool, **filters: Any) -> None:
    """Delete records by ID, or all that pass the filters.

    \b
    agentmem delete 0198c8a4-6f1c-7d3a-9a55-0f6c2f3d1b7e
    agentmem delete --scope /tmp --until 2024-01-01 --yes
    """
    if not ids and not _narrows(Filters(**filters)):  # type: ignore[typeddict-item]
        raise click.UsageError("name ids, or filters such as --scope; `agentmem reset` deletes everything")
    given: Any = list(ids) if ids else None
    with _open(path) as store:
        if not yes:
            what = f"{_records(len(ids))} by id" if ids else _records(store.count(**filters))
            click.confirm(f"Delete {what} from {path}?", abort=True, err=True)
        deleted = store.delete(given, **filters)
    _print_json({"deleted": deleted}) if as_json else click.echo(f"deleted {_records(deleted)}")


@cli.command()
@path_option
@click.option("--scope", "-s", help="Only this scope and below.")
@yes_option
@json_option
def reset(path: str, scope: str | None, yes: bool, as_json: bool) -> None:
    """Delete everything, or everything in a scope, private records too.

    \b
    agentmem reset --scope /crew/research
    agentmem reset --yes
    """
    with _open(path) as store:
        if not yes:
            count = store.count(scope=scope, include_private=True)
            where = f"in {scope} of {path}" if scope else f"in {path}"
            click.confirm(f"Delete all {_records(count)} {where}?", abort=True, err=True)
        deleted = store.reset(scope)
    _print_json({"deleted": deleted}) if as_json else click.echo(f"deleted {_records(deleted)}")


@cli.command()
@path_option
@json_option
def stats(path: str, as_json: bool) -> None:
    """Show what the store holds and takes."""
    with _open(path) as store:
        found = store.stats().to_dict()
    _print_json(found) if as_json else _print_fields(found)


@cli.command()
@path_option
@json_option
def verify(path: str, as_json: bool) -> None:
    """Check that everything is sound: SQLite's file, the full text, the index against the records.

    Exit code 1 if something is not; `agentmem rebuild` derives all but the records anew.
    """
    with _progress("checking", "records") as progress, _open(path) as store:
        report = store.verify(progress)
    if as_json:
        _print_json(report.to_dict())
    elif report:
        click.echo(f"sound: {_records(report.records)}")
    else:
        for problem in report.problems:
            click.echo(problem)
    if not report:
        raise Failure(f"{path!r} is not sound: {len(report.problems)} problems; try `agentmem rebuild`")


@cli.command()
@path_option
@json_option
def rebuild(path: str, as_json: bool) -> None:
    """Derive the full text and the index anew from the records, and shrink the file to what it needs."""
    with _progress("rebuilding", "records") as progress, _open(path) as store:
        records = store.rebuild(progress)
    _print_json({"records": records}) if as_json else click.echo(f"rebuilt from {_records(records)}")


@cli.command()
@path_option
@click.option("--status", is_flag=True, help="Only say which version the file has; writes nothing.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done; writes nothing.")
@json_option
def migrate(path: str, status: bool, dry_run: bool, as_json: bool) -> None:
    """Bring a store of an older agentmem to the newest schema, with a backup beside it; or make a new store.

    Opening a store does so too; this command is for doing it beforehand.

    \b
    agentmem migrate --status
    agentmem migrate --dry-run
    agentmem migrate
    """
    found = _core.migration_status(path)
    if found["pending"] and not (status or dry_run):
        with _progress("migrating", "steps"):
            agentmem.open(path).close()
    if as_json:
        _print_json(found | {"migrated": bool(found["pending"]) and not (status or dry_run)})
        return
    if status:
        click.echo(f"{path} has schema version {found['current']}; the newest is {found['latest']}")
    doing = "would apply" if status or dry_run else "applied"
    for _, name in found["pending"]:
        click.echo(f"{doing} {name}")
    if not found["pending"]:
        click.echo("nothing to do")


@cli.command()
@click.argument("target")
@path_option
@json_option
def backup(path: str, target: str, as_json: bool) -> None:
    """Copy the store to TARGET, while it is in use.

    \b
    agentmem backup memory-2024-05-01.db
    """
    with _progress("copying", "pages") as progress, _open(path) as store:
        store.backup(target, progress)
    size = os.path.getsize(target)
    _print_json({"path": target, "bytes": size}) if as_json else click.echo(f"wrote {target}, {size} bytes")


@cli.command()
@click.argument("file", default="-")
@path_option
@filter_options
@click.option("--skip-damaged", is_flag=True, help="Leave out records that are not what was written.")
@json_option
def export(path: str, file: str, skip_damaged: bool, as_json: bool, **filters: Any) -> None:
    """Write records as JSON, one a line, to FILE or to stdout.

    Private records are left out; --include-private takes them in. --json tells as JSON what went into FILE.

    \b
    agentmem export memories.jsonl --include-private
    agentmem export --scope /user/alice | jq .content
    """
    target: Any = sys.stdout.buffer if file == "-" else file
    with _progress("exporting", "records") as progress, _open(path) as store:
        written = store.export(target, progress, skip_damaged=skip_damaged, **filters)
    if file != "-":
        _print_json({"path": file, "records": written}) if as_json else click.echo(
            f"wrote {_records(written)} to {file}"
        )


@cli.command("import")
@click.argument("source")
@click.argument("directory", required=False)
@path_option
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "replace", "fail"]),
    default="skip",
    show_default=True,
    help="What to do about ids that the store holds.",
)
@click.option("--dry-run", is_flag=True, help="crewai: only say what would be brought in.")
@click.option("--crew", default="crew", show_default=True, help="crewai: whose memories of no crew are.")
@json_option
def import_(
    path: str, source: str, directory: str | None, on_conflict: Any, dry_run: bool, crew: str, as_json: bool
) -> None:
    """Bring in records from SOURCE: a file of JSON, one record a line; - for stdin; or `crewai`.

    `import crewai [DIRECTORY]` brings in what CrewAI's own storages left on disk.

    \b
    agentmem import memories.jsonl
    agentmem export --path a.db | agentmem import - --path b.db
    agentmem import crewai --dry-run
    """
    if source == "crewai":
        _import_crewai(path, directory, dry_run, crew, as_json)
        return
    if directory is not None or dry_run:
        raise click.UsageError("DIRECTORY and --dry-run belong to `import crewai`")
    if source != "-" and not os.path.exists(source):
        raise Failure(f"there is no file {source!r}")
    lines: Any = sys.stdin.buffer if source == "-" else source
    total = _lines(source) if os.path.isfile(source) else 0
    with _progress("importing", "records", total) as progress, _open(path, create=True) as store:
        imported = store.import_(lines, on_conflict, progress)
    if as_json:
        _print_json(imported.to_dict())
    else:
        click.echo(f"imported {_records(imported.written)}, skipped {imported.skipped}")


def _import_crewai(path: str, directory: str | None, dry_run: bool, crew: str, as_json: bool) -> None:
    from agentmem.crewai.importers import import_crewai

    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(_progress("importing", "rows"))
        if dry_run and not os.path.exists(path):
            path = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "empty.db")
        store = stack.enter_context(_open(path, create=True))
        report = import_crewai(store, directory, dry_run=dry_run, progress=progress, crew=crew)
    if as_json:
        _print_json(
            {
                "sources": report.sources,
                "added": report.added,
                "known": report.known,
                "broken": report.broken,
                "problems": report.problems,
            }
        )
        return
    for problem in report.problems:
        click.echo(problem, err=True)
    for name in report.sources:
        click.echo(f"read {name}")
    if not report.sources:
        click.echo(f"found nothing of CrewAI's in {directory or 'its usual folders; name the DIRECTORY'}")
    doing = "would add" if dry_run else "added"
    click.echo(f"{doing} {_records(report.added)}, {report.known} were known, {report.broken} broken")


# Reading and printing


def _text(given: str) -> str:
    return sys.stdin.read().removesuffix("\n") if given == "-" else given


def _lines(path: str) -> int:
    """How many lines a file has: what a progress bar needs."""
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"


def _record(record: Record) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(record.to_json())
    return fields


def _hit(hit: Hit) -> dict[str, Any]:
    return {"score": hit.score, "explain": hit.explain, "record": _record(hit.record)}


def _hit_row(hit: Hit, explain: bool) -> list[str]:
    row = [f"{hit.score:.3f}", hit.record.id, hit.record.scope, hit.record.content]
    return [*row, " ".join(f"{name}={value:.3f}" for name, value in hit.explain.items())] if explain else row


def _local(at: datetime) -> str:
    try:
        return at.astimezone().strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return at.strftime("%Y-%m-%d %H:%M")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _print_table(headings: list[str], rows: Iterable[list[str]], nothing: str) -> None:
    """Print a table for people; for pipes, one row a line with tabs between."""
    rows = list(rows)
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(" ".join(cell.split()) for cell in row))
    elif not rows:
        click.echo(nothing)
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*headings, box=None, padding=(0, 2, 0, 0), header_style="bold")
        table.columns[headings.index("id")].no_wrap = True
        for row in rows:
            table.add_row(*(Text(_shortened(cell)) for cell in row))
        Console().print(table)


def _shortened(cell: str, length: int = 300) -> str:
    return cell if len(cell) <= length else cell[:length] + "…"


def _print_fields(fields: dict[str, Any]) -> None:
    width = max(map(len, fields))
    for name, value in fields.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {shown}")


@contextlib.contextmanager
def _progress(doing: str, unit: str, expected: int = 0) -> Iterator[Progress]:
    """A progress bar on stderr, if that is a terminal. Ctrl-C says how far it came."""
    reached = [0, expected]
    with _bar(doing, unit) as show:

        def report(done: int, total: int) -> None:
            reached[:] = done, total or expected
            show(*reached)

        try:
            yield report
        except KeyboardInterrupt:
            done, total = reached
            of = f" of {total}" if total else ""
            raise Stopped(f"stopped after {done}{of} {unit}; the store is sound") from None


@contextlib.contextmanager
def _bar(doing: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(doing, total=None, rate="")

        def show(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:,.0f} {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total or None, rate=rate)

        yield show
