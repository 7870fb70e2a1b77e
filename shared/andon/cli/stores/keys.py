"""`andon keys`: API keys. Straight in Postgres, so that the first key needs no key."""

import getpass
import os
import socket
import time
from typing import Annotated

import typer

from andon.adapters.postgres.access.audit import record
from andon.adapters.postgres.access.keys import SCOPES, TRUSTED_SECONDS, create_key, list_keys, revoke_key
from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import AsJson, camel, err, print_json, print_list, say
from andon.cli.terminal.where import postgres
from andon.engine.events import DEFAULT_TENANT
from andon.engine.ids import parse_id

group = typer.Typer(help="API keys; needs ANDON_DATABASE_URL.", no_args_is_help=True)


@group.command()
def create(
    name: Annotated[str, typer.Argument(help="What or whom it is for.")],
    tenant: Annotated[str, typer.Option(help="The tenant that it acts for.")] = DEFAULT_TENANT,
    scope: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; may be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key, and print its secret: it is shown this once. Scopes are read, write and cancel by default."""
    scopes = scope or ["read", "write", "cancel"]
    with postgres() as connection:
        try:
            with connection.transaction():
                id, secret = create_key(connection, tenant, name, scopes)
                record(
                    connection,
                    "key.created",
                    id,
                    tenant=tenant,
                    by=me("andon keys"),
                    details={"name": name, "scopes": scopes},
                )
        except ValueError as error:
            raise CommandFailed(str(error), Exit.USAGE) from None
    if as_json:
        print_json({"id": id, "tenant": tenant, "name": name, "scopes": scopes, "secret": secret})
    else:
        err().print(f"key {id} of tenant {tenant}; its secret is shown this once:", markup=False)
        typer.echo(secret)


@group.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None, as_json: AsJson = False
) -> None:
    """List the keys, revoked ones too."""
    with postgres() as connection:
        keys = list_keys(connection, tenant)
    print_list(
        keys,
        as_json,
        ("ID", "TENANT", "NAME", "SCOPES", "CREATED", "LAST USED", "STATE"),
        lambda key: (
            *(key.id, key.tenant, key.name, ",".join(key.scopes)),
            *(key.created_at, key.last_used_at, "revoked" if key.revoked_at else "ok"),
        ),
        wide="NAME",
        shape=lambda key: camel(key._asdict()),
    )


@group.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")],
    as_json: AsJson = False,
) -> None:
    """Make a key useless. Once this exits with 0, no process takes it any more."""
    key_id = parse_id(id)
    with postgres() as connection, connection.transaction():
        key = revoke_key(connection, key_id) if key_id else None
        if key is None:
            raise CommandFailed("Key not found", Exit.NOT_FOUND)
        record(connection, "key.revoked", key.id, tenant=key.tenant, by=me("andon keys"), details={"name": key.name})
    time.sleep(TRUSTED_SECONDS)  # then every process has asked Postgres again
    say({"id": key_id, "revoked": True}, as_json, f"revoked {key_id}")


def me(command: str) -> dict[str, str]:
    """Who runs this: the account on this machine. It is what there is, and can be another's name."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        account = str(os.getuid())
    return {"id": f"{account}@{socket.gethostname()}", "by": command}
