"""`agentmem hook`: the commands for Claude Code's hooks. They never fail, so that no session does."""

from __future__ import annotations

import json
from typing import Any

import click

import agentmem
from agentmem.cli.group import Failure
from agentmem.cli.options import limit_option, may_exist, open_store, standard_input
from agentmem.cli.output import print_json, print_text, say
from agentmem.cli.served import served_path, served_path_option

_LONGEST_EVENT = 16 << 20
_PATIENCE = 5.0  # seconds to wait for another writer


class _Hooks(click.Group):
    """Ends with exit code 0, whatever happens: with 2, Claude Code throws the user's prompt away."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments of `agentmem hook` itself."""
        try:
            return super().make_context(*args, **kwargs)
        except click.ClickException as error:
            _tell(error)
            raise click.exceptions.Exit(0) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the arguments of the hook, and run it."""
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except (Exception, KeyboardInterrupt) as error:
            _tell(error)
            return None


def _tell(error: BaseException) -> None:
    """Write the error where Claude Code's debug log shows it."""
    if isinstance(error, click.ClickException):
        message = error.format_message()
    elif isinstance(error, agentmem.AgentMemError):
        message = str(error)
    else:
        message = f"{type(error).__name__}: {error}"
    say(f"agentmem hook: {message}", err=True)


@click.group("hook", cls=_Hooks, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve Claude Code's hooks: recall when a session starts, remember when it ends.

    Both read the JSON that Claude Code writes to stdin. docs/frameworks/claude-code-hooks.md has settings.
    """
    if ctx.invoked_subcommand is None:
        print_text(ctx.get_help(), err=True)  # what a hook prints to stdout, Claude reads


@command.command("recall")
@served_path_option
@click.option(
    "--scope", "-s", help="Recall from here, not from the project, or for a prompt, the whole store."
)
@limit_option(10)
def recall_command(path: str | None, scope: str | None, limit: int) -> None:
    """Print memories as context for Claude.

    For SessionStart, this is what was said last in the project; for UserPromptSubmit, what probably answers
    the prompt.

    \b
    echo '{"prompt": "which database?"}' | agentmem hook recall
    """
    from agentmem.claude_code import recall

    event, file = _event(), served_path(path)
    if not may_exist(file):
        return
    with open_store(file, busy_timeout=_PATIENCE) as store:
        if output := recall(store, event, scope=scope, limit=limit):
            print_json(output)


@command.command("remember")
@served_path_option
def remember_command(path: str | None) -> None:
    """Store what was said in the session; what is known is skipped.

    \b
    echo '{"transcript_path": "session.jsonl"}' | agentmem hook remember
    """
    from agentmem.claude_code import remember

    event = _event()
    with open_store(served_path(path, create=True), create=True, busy_timeout=_PATIENCE) as store:
        report = remember(store, event)
    for problem in report.problems:
        say(problem, err=True)
    say(f"added {report.additions()}, {report.known} were known, {report.broken} broken", err=True)


def _event() -> dict[str, Any]:
    """The event on stdin."""
    stdin = standard_input()
    if stdin.isatty():
        raise Failure("a hook reads JSON from stdin; Claude Code writes it")
    try:
        event = json.loads(stdin.buffer.read(_LONGEST_EVENT))
    except (ValueError, RecursionError) as error:
        raise Failure(f"stdin holds no JSON: {error}") from error
    if not isinstance(event, dict):
        raise Failure(f"the event is {type(event).__name__}, not a JSON object")
    return event
