"""Save files in a folder, and say where they are."""

from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from andon.cli.terminal.errors import CommandFailed
from andon.cli.terminal.show import print_json


def save_all(names: Sequence[str], to: Path, download: Callable[[str, Path], Path]) -> list[Path]:
    """`download` each of these into the folder `to`, which is made."""
    try:
        to.mkdir(parents=True, exist_ok=True)
        return [download(each, to / Path(each).name) for each in names]
    except OSError as error:
        raise CommandFailed(f"{to} can't be written: {error.strerror or error}") from None


def print_saved(files: Sequence[Path], as_json: bool) -> None:
    """A line each."""
    if as_json:
        print_json([str(file) for file in files])
    else:
        for file in files:
            typer.echo(file)
