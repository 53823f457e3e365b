"""`agentmem completion`: completion of commands and options by the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from agentmem.cli.output import print_text

PROGRAM = "agentmem"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands and options.

    \b
    agentmem completion bash >> ~/.bashrc
    agentmem completion zsh >> ~/.zshrc
    agentmem completion fish > ~/.config/fish/completions/agentmem.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click cannot complete for {shell}")
    variable = f"_{PROGRAM}_COMPLETE".upper()
    print_text(kind(context.find_root().command, {}, PROGRAM, variable).source())
