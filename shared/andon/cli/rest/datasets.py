"""`andon datasets`: upload the files that reports are made from."""

from pathlib import Path
from typing import Annotated

import typer

from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import AsJson, Limit, err, print_list, print_one
from andon.cli.terminal.where import api

group = typer.Typer(help="Datasets: the files that reports are made from.", no_args_is_help=True)


@group.command()
def upload(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV, JSON, JSON Lines or Parquet, each of which may be gzipped, or an Excel workbook."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What it is called; the file's name by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Upload a dataset."""
    try:
        with api() as andon, err().status("uploading"):
            dataset = andon.datasets.upload(file, name=name)
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror or error}", Exit.USAGE) from None
    print_one(
        dataset,
        as_json,
        [
            ("id", dataset.id),
            ("name", dataset.name),
            ("format", dataset.format),
            ("rows", f"{dataset.rows:,}"),
            ("columns", ", ".join(f"{each.name} ({each.type})" for each in dataset.columns)),
        ],
    )


@group.command()
def delete(id: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset's id.")]) -> None:
    """Delete a dataset that no report uses, and its file."""
    with api() as andon:
        andon.datasets.delete(id)
    typer.echo(f"deleted {id}")


@group.command("list")
def list_(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List datasets."""
    with api() as andon:
        datasets = list(andon.datasets.list(limit=limit))
    print_list(
        datasets,
        as_json,
        ("ID", "NAME", "FORMAT", "ROWS", "COLUMNS", "BYTES", "CREATED"),
        lambda each: (
            *(each.id, each.name, each.format),
            *(f"{each.rows:,}", len(each.columns), f"{each.bytes:,}", each.created_at),
        ),
        wide="NAME",
    )
