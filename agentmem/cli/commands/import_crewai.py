"""`agentmem import crewai`: import what CrewAI's own storages left on disk."""

from __future__ import annotations

import click

from agentmem.cli.importing import import_options, run_import


@click.command("crewai")
@click.argument("directory", required=False)
@click.option("--crew", default="crew", show_default=True, help="The crew of memories that name none.")
@import_options
def command(path: str, directory: str | None, crew: str, dry_run: bool, as_json: bool) -> None:
    """Import what CrewAI's own storages left below DIRECTORY.

    The default directory is where CrewAI keeps the memories of the working directory.

    \b
    agentmem import crewai --dry-run
    """
    from agentmem.crewai.importers import import_crewai

    run_import(
        path,
        dry_run,
        as_json,
        lambda store, progress: import_crewai(store, directory, dry_run, progress, crew),
        f"found nothing of CrewAI in {directory or 'its usual folders; name the DIRECTORY'}",
    )
