"""`andon webhooks`: who is told of the ends of runs. Straight in Postgres, as `andon keys`."""

from typing import Annotated
from uuid import UUID

import typer

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.access.audit import record
from andon.adapters.postgres.asks.requests import Conflict
from andon.cli.stores.keys import me
from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import AsJson, camel, err, print_list
from andon.cli.terminal.where import postgres
from andon.engine.dispatch.webhook_urls import url_fault
from andon.engine.events import DEFAULT_TENANT
from andon.engine.ids import parse_id

group = typer.Typer(help="Who is told of the ends of runs; needs ANDON_DATABASE_URL.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="The webhook's id.")]


@group.command()
def create(
    url: Annotated[str, typer.Argument(help="Where to: https, and a public address.")],
    tenant: Annotated[str, typer.Option(help="The tenant whose runs it is told of.")] = DEFAULT_TENANT,
) -> None:
    """Tell this URL of the ends of runs from now on, and print the secret that signs it: it is shown this once."""
    if fault := url_fault(url):
        raise CommandFailed(fault, Exit.USAGE)
    if kept := url_fault(url, private=False):
        err().print(f"{kept}: without that setting of the dispatchers it is told nothing", markup=False)
    with postgres() as connection, connection.transaction():
        try:
            id, secret = webhooks.create_webhook(connection, tenant, url)
        except Conflict as refused:
            raise CommandFailed(str(refused), Exit.CONFLICT) from None
        record(connection, "webhook.created", id, tenant=tenant, by=me("andon webhooks"), details={"url": url})
    err().print(f"webhook {id} of tenant {tenant}; its secret is shown this once:", markup=False)
    typer.echo(secret)


@group.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None, as_json: AsJson = False
) -> None:
    """List the webhooks, and how much each is still owed."""
    with postgres() as connection:
        found = webhooks.list_webhooks(connection, tenant)
    print_list(
        found,
        as_json,
        ("ID", "TENANT", "URL", "SECRETS", "OWED"),
        lambda each: (each.id, each.tenant, each.url, each.secrets, each.waiting),
        wide="URL",
        shape=lambda each: camel(each._asdict()),
    )


@group.command()
def rotate(
    id: Id, finish: Annotated[bool, typer.Option(help="Sign with the newest secret alone from now on.")] = False
) -> None:
    """Make another secret, which signs beside the former one until `--finish`."""
    with postgres() as connection, connection.transaction():
        if finish:
            secret, tenant = None, webhooks.finish_rotation(connection, _id(id))
        else:
            secret, tenant = webhooks.rotate_secret(connection, _id(id)) or (None, None)
        if tenant is None:
            raise _missing(id)
        details = {"finished": finish}
        record(connection, "webhook.rotated", id, tenant=tenant, by=me("andon webhooks"), details=details)
    if secret is not None:
        typer.echo(secret)


@group.command()
def delete(id: Id) -> None:
    """Tell it nothing more, and forget what it is owed."""
    with postgres() as connection, connection.transaction():
        tenant = webhooks.delete_webhook(connection, _id(id))
        if tenant is None:
            raise _missing(id)
        record(connection, "webhook.deleted", id, tenant=tenant, by=me("andon webhooks"))


@group.command()
def deliveries(
    id: Id, limit: Annotated[int, typer.Option(help="How many, newest first.")] = 20, as_json: AsJson = False
) -> None:
    """What it was told and is owed, and what came of the last attempt."""
    with postgres() as connection:
        found = webhooks.deliveries(connection, _id(id), limit)
    print_list(
        found,
        as_json,
        ("ID", "STATE", "EVENT", "ATTEMPTS", "TOLD", "NEXT", "ANSWER"),
        lambda each: (each.id, each.state, each.name, each.attempts, each.delivered_at, each.next_at, each.answer),
        wide="ANSWER",
        shape=lambda each: {**camel(each._asdict()), "state": each.state},
    )


@group.command("resend")
def resend_(delivery: Annotated[int, typer.Argument(help="The delivery's id.")]) -> None:
    """Tell it again, whatever came of it before."""
    with postgres() as connection:
        if not webhooks.resend(connection, delivery):
            raise CommandFailed(f"there is no delivery {delivery}", Exit.NOT_FOUND)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise CommandFailed(f"expected the id of a webhook, got {text!r}", Exit.USAGE)
    return found


def _missing(id: str) -> CommandFailed:
    return CommandFailed(f"there is no webhook {id}", Exit.NOT_FOUND)
