"""`andon subjects`: what runs are about; look, ask, cancel, and see that followed rows say what their subjects say."""

from typing import Annotated, Any, cast

import psycopg
import typer

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.subjects import astray
from andon.adapters.postgres.subjects.astray import Astray
from andon.cli.terminal.errors import CommandFailed, Exit
from andon.cli.terminal.show import (
    AsJson,
    Limit,
    its_request,
    percent,
    print_json,
    print_list,
    print_one,
    print_table,
    say,
)
from andon.cli.terminal.values import CreatedBefore, CreatedSince, Reason, RequestedBy, UntilStopped, json_object
from andon.cli.terminal.where import api, postgres
from andon.client import Subject, SubjectStatus

HELD = "another transaction holds it"
group = typer.Typer(help="Subjects: what runs are about.", no_args_is_help=True)

Kind = Annotated[str, typer.Argument(metavar="KIND", help="The kind, as the function declares it.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The subject's id: its row's key.")]


@group.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help="Only idle, active, completed, cancelled or failed ones; may be repeated."),
    ] = None,
    requested_by: RequestedBy = None,
    after: CreatedSince = None,
    before: CreatedBefore = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List subjects that were asked for."""
    with api() as andon:
        listed = andon.subjects.list(
            kind=kind,
            status=cast("SubjectStatus | None", status),
            requested_by=requested_by,
            created_after=after,
            created_before=before,
            limit=limit,
        )
        found = list(listed)
    print_list(
        found,
        as_json,
        ("KIND", "ID", "STATUS", "PROGRESS", "REQUESTED"),
        lambda each: (each.kind, str(each.id), each.status, percent(each.progress), each.requested_at),
        wide="ID",
    )


@group.command()
def show(kind: Kind, id: Id, as_json: AsJson = False) -> None:
    """Show a subject and its run."""
    with api() as andon:
        _show(andon.subjects.get(kind, id), as_json)


@group.command()
def request(
    kind: Kind,
    id: Id,
    data: Annotated[
        Any,
        typer.Option(parser=json_object, metavar="JSON", help="The trigger's data; the id is put in its place."),
    ] = "{}",
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for a run about a subject."""
    with api() as andon:
        asked = andon.subjects.request(kind, id, data)
        if not wait:
            say(asked, as_json, f"requested {kind} {asked.id}")
            return
        subject = andon.subjects.wait(kind, id)
        _show(subject, as_json)
        if subject.status != "completed":
            raise CommandFailed(f"{kind} {id} is {subject.status}{f': {subject.error}' if subject.error else ''}")


@group.command()
def cancel(
    kind: Kind,
    id: Id,
    reason: Reason = None,
    wait: UntilStopped = False,
    as_json: AsJson = False,
) -> None:
    """Cancel a subject's run. Once this exits with 0, it will not complete."""
    with api() as andon:
        asked = andon.subjects.cancel(kind, id, reason=reason)
        if not wait:
            say(asked, as_json, f"{'cancelling' if asked.status == 'active' else 'cancelled'} {kind} {asked.id}")
            return
        _show(andon.subjects.wait(kind, id), as_json)


@group.command()
def check(
    kind: Kind,
    fix: Annotated[bool, typer.Option("--fix", help="Mend them: let each row say what its subject says.")] = False,
    as_json: AsJson = False,
) -> None:
    """List rows that don't say what their subject says; exits with 1 if there are some, and weren't mended.

    Such a row was written by somebody else, or says that it is active from before Andon knew of it. Asks Postgres.
    """
    with postgres() as connection:
        try:
            found = astray.find(connection, kind)
            mended = sum(astray.mend(connection, kind, each) for each in found) if fix else 0
        except astray.NotFollowed as error:
            raise CommandFailed(str(error), Exit.NOT_FOUND) from None
        except psycopg.errors.InsufficientPrivilege as error:
            user, why = connection.info.user, first_line(error)
            raise CommandFailed(
                f"The role {user} may not look ({why}): GRANT SELECT on it to {user}", Exit.NOT_ALLOWED
            ) from None
    if as_json:
        print_json([{**each._asdict(), "mended": fix} for each in found])
    else:
        _print(kind, found)
        if fix:
            owed = "" if mended == len(found) else "; the dispatcher writes the rest as soon as it can"
            typer.echo(f"{mended} of {len(found)} rows mended{owed}")
    if len(found) > mended:
        raise typer.Exit(1)


def _print(kind: str, found: list[Astray]) -> None:
    if not found:
        typer.echo(f"every row of {kind} says what its subject says")
        return
    rows = [(each.id, each.tenant, each.row or "", each.subject, each.wanted) for each in found]
    print_table(("ID", "TENANT", "ROW SAYS", "SUBJECT IS", "SHOULD SAY"), rows, wide="ID")


def _show(subject: Subject, as_json: bool) -> None:
    print_one(
        subject,
        as_json,
        [
            ("kind", subject.kind),
            ("id", subject.id),
            ("status", subject.status),
            ("progress", percent(subject.progress) if subject.active else None),
            ("error", subject.error),
            ("its row", subject.owed and f"doesn't say so yet: {HELD if subject.owed == 'held' else subject.owed}"),
            ("function", subject.function_id),
            *its_request(subject),
        ],
    )
