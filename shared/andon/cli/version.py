"""Which Andon this is."""

from importlib.metadata import version as installed_version

import typer


def version() -> None:
    """Print the installed version."""
    typer.echo(f"andon {installed_version('andon')}")
