"""`andon cancel`: cancel many runs at once."""

import datetime as dt
import sys
from functools import partial
from typing import Annotated

import typer

from andon.cli.terminal.show import AsJson, say
from andon.cli.terminal.values import TIME, Reason, a_time
from andon.cli.terminal.where import api
from andon.client.models import Cancellation


def cancel(
    function: Annotated[str | None, typer.Option(help="Whose runs: the function's id. Needed without --tag.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only runs that have this tag, of whatever function.")] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="CEL", help="Only runs of which this is true, such as event.data.plan == 'free'."),
    ] = None,
    started_after: Annotated[dt.datetime | None, a_time(f"Only runs queued since. {TIME}")] = None,
    started_before: Annotated[dt.datetime | None, a_time("Only runs queued before that.")] = None,
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the runs that match.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask first; a script is never asked.")] = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it was applied to all of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cancel all matching runs of a function, or with a tag, that have not ended. At a terminal, it counts and asks."""
    with api() as andon:
        ask = partial(
            andon.cancellations.create,
            function,
            tag=tag,
            started_after=started_after,
            started_before=started_before,
            where=where,
            reason=reason,
        )
        if dry_run or (sys.stdin.isatty() and not yes):
            counted = ask(dry_run=True)
            if dry_run:
                say(counted, as_json, f"{counted.matched} runs match; nothing was cancelled{_doubts(counted)}")
                return
            of = f"of {function}" if function else f"with the tag {tag}"
            typer.confirm(f"Cancel {counted.matched} runs {of}{_doubts(counted)}?", abort=True, err=True)
        made = ask()
        if wait and made.id is not None:
            done = andon.cancellations.wait(made.id)
            say(done, as_json, f"cancelled {done.matched} runs: cancellation {done.id}{_doubts(done)}")
            return
    say(made, as_json, f"cancelling: cancellation {made.id}")


def _doubts(told: Cancellation) -> str:
    """Of how many runs the expression has no value: they count as not matched."""
    if not told.failed_evaluations:
        return ""
    return f" (of {told.failed_evaluations} others the expression has no value: {told.first_failure})"
