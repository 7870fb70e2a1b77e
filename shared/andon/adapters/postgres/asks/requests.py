"""What people ask of runs: cancel one, or many. Each is one transaction that makes its 202 true.

The caller gives a psycopg connection in a transaction, commits, and then publishes `Asked.events` and raises
`Asked.flags`.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.cancels.marks import Mark, Marked, mark
from andon.adapters.postgres.connect import LOCKING, Connection
from andon.adapters.postgres.events.inbox import accept, event_of
from andon.adapters.postgres.events.own_events import WideCancel
from andon.adapters.postgres.subjects import subjects
from andon.engine.declared.rules import run_flag
from andon.engine.errors import AndonError
from andon.engine.events import RUN_CANCELLED, RUNS_CANCELLED, Event


class NotFound(AndonError):
    """There is no such thing in this tenant."""


class Conflict(AndonError):
    """The thing is not in a state in which this can be asked. `code` tells kinds of it apart."""

    def __init__(self, message: str, *, code: str = "conflict") -> None:
        super().__init__(message)
        self.code = code


T = TypeVar("T")


def there(found: T | None, otherwise: str) -> T:
    """What was found, if it was. Raises `NotFound`, with these words."""
    if found is None:
        raise NotFound(otherwise)
    return found


Check = Callable[[object], None]
"""Refuses, by raising, a version of what is changed."""


class Ask(NamedTuple):
    """Who asks for something, and why."""

    tenant: str
    user: Any = None
    reason: str | None = None
    traceparent: str | None = None

    def event(self, name: str, data: dict[str, Any]) -> Event:
        """An event that says so, before it is recorded."""
        return event_of(name, data, tenant=self.tenant, user=self.user, traceparent=self.traceparent)

    def cancel(self, name: str, **named: object) -> Event:
        """The event that cancels what these fields name, and says why if that is known."""
        return self.event(name, {**named, **({} if self.reason is None else {"reason": self.reason})})


@dataclass(frozen=True)
class Asked:
    """An accepted request: the events to publish once it is committed, and the runs to stop."""

    event: Event
    events: list[Event]
    cancelling: list[uuid.UUID] = field(default_factory=list)
    run_id: uuid.UUID | None = None
    """The run that it is about, once that is made."""
    family: bool = False
    """Whether that may have children."""
    over: list[tuple[uuid.UUID, uuid.UUID | None]] = field(default_factory=list)
    """The runs that have ended with this, as no worker held them, and what each is about."""
    subject_id: uuid.UUID | None = None
    """What has moved with this, without a run."""

    @property
    def ended(self) -> bool:
        """Whether what it is about has ended with this."""
        return bool(self.over)

    @property
    def flags(self) -> dict[str, int]:
        """The cancel flags to raise: name -> seq of the cancel event."""
        return {run_flag(run_id): self.event.seq for run_id in self.cancelling}


_LOCK_RUN = f"SELECT status, attempt, {LOCKING} FROM andon.runs WHERE id = %s FOR UPDATE"


def cancel_run(connection: Connection, run_id: uuid.UUID, ask: Ask, *, check: Check | None = None) -> Asked:
    """Cancel one run by its id. Raises `NotFound`, or `Conflict` when it has ended; `check` may refuse its version."""
    row = connection.execute(
        "SELECT subject_id FROM andon.runs WHERE id = %s AND tenant = %s", [run_id, ask.tenant]
    ).fetchone()
    subjects.lock(connection, there(row, "Run not found"))
    status, attempt, _ = connection.execute(_LOCK_RUN, [run_id]).fetchone() or ("", 0, "")
    if check is not None:
        check(version_of_run(status, attempt))
    refuse_ended(status)
    [event] = accept(connection, [cancel_of_run(run_id, ask)])
    return asked(event, mark(connection, [Mark(run_id, event)]), run_id)


def version_of_run(status: str, attempt: int) -> str:
    """What of a run has to be the same for a change of it not to be stale."""
    return f"{status}-{attempt}"


def cancel_of_run(run_id: uuid.UUID, ask: Ask) -> Event:
    """The event that cancels this run."""
    return ask.cancel(RUN_CANCELLED, runId=str(run_id))


def refuse_ended(status: str) -> None:
    """Raise `Conflict` for a run in which there is nothing to cancel."""
    if status in {"completed", "failed", "cancelled"}:
        raise Conflict(f"Run has ended: {status}")


def cancel_many(
    connection: Connection, cancel: WideCancel, ask: Ask, *, tag: str | None = None
) -> tuple[uuid.UUID, Asked]:
    """Cancel many runs at once; returns the cancellation's id. The sweeper applies it; no run it covers is claimed."""
    data = {
        "functionId": cancel.function_id or None,
        **({} if tag is None else {"tag": tag}),
        "startedAfter": cancel.started_after and cancel.started_after.isoformat(),
        "startedBefore": cancel.started_before and cancel.started_before.isoformat(),
        "if": cancel.expression,
        "reason": ask.reason,
    }
    [event] = accept(connection, [ask.event(RUNS_CANCELLED, data)])
    id = wide.store(connection, event, cancel)
    if id is None:
        raise Conflict("This cancellation is recorded already")
    return id, Asked(event, [event])


def asked(event: Event, marked: Marked, run_id: uuid.UUID) -> Asked:
    """What came of marking the run on behalf of the event."""
    ended = [each.event for each in marked.settled if each.event]
    over = [(each.run_id, each.subject_id) for each in marked.settled]
    return Asked(event, [event, *ended], marked.cancelling, run_id, family=True, over=over)
