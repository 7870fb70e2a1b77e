"""`andon keeping`: how long a tenant's things are kept, where it isn't as everybody's. Straight in Postgres."""

import datetime as dt
from typing import Annotated

import typer

from andon.adapters.postgres.access.audit import record
from andon.adapters.postgres.upkeep.keeping import (
    SHORTEST_GRACE,
    TOO_SHORT,
    Keeping,
    forget_keeping,
    keepings,
    set_keeping,
)
from andon.cli.stores.keys import me
from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import AsJson, print_json, print_table, say
from andon.cli.terminal.values import a_duration, duration
from andon.cli.terminal.where import postgres

group = typer.Typer(
    help="How long a tenant's things are kept, where not as `prune` keeps everybody's; needs ANDON_DATABASE_URL.",
    no_args_is_help=True,
)


def orphans_grace(text: str) -> dt.timedelta:
    """A duration of an hour at least."""
    grace = duration(text)
    if grace < SHORTEST_GRACE:
        raise typer.BadParameter(TOO_SHORT)
    return grace


@group.command("set")
def set_(
    tenant: Annotated[str, typer.Argument(help="Whose.")],
    keep_runs: Annotated[dt.timedelta | None, a_duration("Runs that ended since stay.")] = None,
    keep_artifacts: Annotated[dt.timedelta | None, a_duration("Artifacts that were stored since stay.")] = None,
    keep_unused: Annotated[
        dt.timedelta | None, a_duration("Datasets that were uploaded since, or a report names, stay.")
    ] = None,
    keep_orphans: Annotated[
        dt.timedelta | None,
        a_duration("Files that nothing names, of uploads cut short say, and that are younger stay.", orphans_grace),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how long this tenant's things are kept, from the next prune on. What isn't named is as everybody's."""
    keeping = Keeping(keep_runs, keep_artifacts, keep_unused, keep_orphans)
    if keeping == Keeping():
        raise CommandFailed(
            "Name at least one of --keep-runs, --keep-artifacts, --keep-unused, --keep-orphans", Exit.USAGE
        )
    with postgres() as connection, connection.transaction():
        set_keeping(connection, tenant, keeping)
        record(connection, "keeping.set", tenant, tenant=tenant, by=me("andon keeping"), details=keeping.written())
    kept = ", ".join(f"{what} {text}" for what, text in keeping.written().items() if text)
    say({"tenant": tenant, **keeping.written()}, as_json, f"{tenant} keeps {kept}")


@group.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tenants that keep something by themselves; `-` is as everybody's."""
    with postgres() as connection:
        found = keepings(connection)
    if as_json:
        print_json([{"tenant": tenant, **each.written()} for tenant, each in found.items()])
        return
    rows = [(tenant, *each.written().values()) for tenant, each in found.items()]
    print_table(("TENANT", "RUNS", "ARTIFACTS", "UNUSED", "ORPHANS"), rows, wide="TENANT")


@group.command()
def forget(tenant: Annotated[str, typer.Argument(help="Whose.")], as_json: AsJson = False) -> None:
    """Keep this tenant's things as everybody's again."""
    with postgres() as connection, connection.transaction():
        if not forget_keeping(connection, tenant):
            raise CommandFailed(f"{tenant} keeps nothing by itself", Exit.NOT_FOUND)
        record(connection, "keeping.forgotten", tenant, tenant=tenant, by=me("andon keeping"))
    say({"tenant": tenant, "forgotten": True}, as_json, f"{tenant} keeps as everybody")
