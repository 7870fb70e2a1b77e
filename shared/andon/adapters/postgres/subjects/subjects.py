"""Subjects: named, locked, and moved by their newest request.

The lock order is subjects, in the order of their ids, then runs; never the followed row, which `andon.follow` writes if
nobody else holds it, and else leaves to `rows_owed`.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from andon.adapters.postgres.away import passes
from andon.adapters.postgres.connect import LOCKING, Connection, columns, json_text
from andon.adapters.postgres.statuses import CODE_RUNS, OPEN
from andon.engine.declared.subjects import subject_id
from andon.engine.errors import AndonError
from andon.engine.events import Event

_KNOWN = "SELECT id, key, coalesce(request_seq, 0) FROM andon.subjects WHERE id = ANY(%s)"
_FIND = """
SELECT f.key, f.before, f.fault, f.state
FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY w (kind, tenant, id, n),
    LATERAL andon.row_of(w.kind, w.tenant, w.id) f ORDER BY w.n
"""
_MAKE = """
INSERT INTO andon.subjects (id, tenant, kind, key)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) w (id, tenant, kind, key) ORDER BY id
ON CONFLICT DO NOTHING
"""
_LOCK = f"""
WITH locked AS (SELECT id FROM andon.subjects WHERE id = ANY(%s) ORDER BY id FOR UPDATE)
SELECT {LOCKING}, count(*) FROM locked  -- counted, so that there is a row also when no subject is left
"""
_STATES = """
SELECT id, status, coalesce(request_seq, 0), request_event_id, current_run_id, cancel_requested_at IS NOT NULL
FROM andon.subjects WHERE id = ANY(%s)
"""
_FORMER_RUNS = f"""
SELECT id, subject_id, {CODE_RUNS.format(run="runs")} FROM andon.runs
WHERE subject_id = ANY(%s) AND kind = 'function' AND (status IN {OPEN} OR {CODE_RUNS.format(run="runs")})
ORDER BY id FOR UPDATE
"""
# Of a request that takes another's place: what was before that one, and the run that it had.
BEFORE = """
CASE WHEN s.status = 'active' THEN s.before || jsonb_build_object('replaced', s.current_run_id)
    ELSE jsonb_build_object('status', s.status, 'error', s.error, 'completed_at', s.completed_at,
        'failed_at', s.failed_at, 'cancelled_at', s.cancelled_at, 'current_run_id', s.current_run_id, 'row', {row}) END
"""
# One that was requested when its event was accepted, `known`, has been moved then: it only gets its run.
_ATTACH = f"""
UPDATE andon.subjects s SET current_run_id = a.run_id, status = 'active', request_seq = a.seq,
    request_event_id = a.event_id, updated_at = clock_timestamp(), version = s.version + 1,
    before = CASE WHEN a.known THEN s.before ELSE {BEFORE.format(row="a.before::jsonb")} END,
    requested_by = CASE WHEN a.known THEN s.requested_by ELSE a."user"::jsonb END,
    requested_at = CASE WHEN a.known THEN s.requested_at ELSE clock_timestamp() END,
    cancel_requested_at = CASE WHEN a.known THEN s.cancel_requested_at END,
    error = NULL, completed_at = NULL, cancelled_at = NULL, failed_at = NULL
FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::boolean[])
    AS a (subject_id, run_id, seq, event_id, "user", before, known)
WHERE s.id = a.subject_id
RETURNING CASE WHEN NOT a.known THEN andon.follow(s) END
"""
_SHOW_CANCEL = """
UPDATE andon.subjects SET cancel_requested_at = clock_timestamp(), version = version + 1
WHERE id = %s AND cancel_requested_at IS NULL
"""
# The code of its former runs has stopped.
_OPEN_DOORS = f"""
WITH opened AS (
    UPDATE andon.runs SET door = gate_keys[1] WHERE id IN (
    SELECT r.id FROM andon.runs r WHERE r.status = 'queued' AND r.door = r.subject_id AND NOT EXISTS (
        SELECT FROM andon.runs f
        WHERE f.subject_id = r.subject_id AND f.kind = 'function' AND {CODE_RUNS.format(run="f")})
    FOR UPDATE OF r SKIP LOCKED)
    RETURNING id, door
), due AS (
    INSERT INTO andon.gate_due (key) SELECT DISTINCT door FROM opened WHERE door IS NOT NULL
)
SELECT id FROM opened
"""
# Where a run was being stopped when the request came, that is the newest one again.
_GIVE_BACK = """
UPDATE andon.subjects s SET
    status = CASE WHEN w.failed THEN 'failed' WHEN w.run_id IS NULL THEN s.before->>'status'
        WHEN w.ended_at IS NULL THEN 'active' ELSE 'cancelled' END,
    error = CASE WHEN w.failed THEN w.reason WHEN w.run_id IS NULL THEN s.before->>'error' END,
    completed_at = CASE WHEN NOT w.failed AND w.run_id IS NULL THEN (s.before->>'completed_at')::timestamptz END,
    cancelled_at = CASE WHEN w.failed THEN NULL WHEN w.run_id IS NULL THEN (s.before->>'cancelled_at')::timestamptz
        ELSE w.ended_at END,
    failed_at = CASE WHEN w.failed THEN clock_timestamp() WHEN w.run_id IS NULL
        THEN (s.before->>'failed_at')::timestamptz END,
    current_run_id = CASE WHEN NOT w.failed THEN coalesce(w.run_id, (s.before->>'current_run_id')::uuid) END,
    cancel_requested_at = CASE WHEN w.ended_at IS NULL THEN w.cancel_requested_at END,
    updated_at = clock_timestamp(), version = s.version + 1
FROM (SELECT u.*, r.id AS run_id, r.ended_at, r.cancel_requested_at, u.fatal OR n.before IS NULL OR r.id IS NULL
          AND n.before->>'status' = 'idle' AND coalesce(n.before->'row'->>(
              SELECT k.states->>'column' FROM andon.subject_kinds k WHERE k.kind = n.kind), '') = '' AS failed
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::boolean[]) AS u (subject_id, event_id, reason, fatal)
      JOIN andon.subjects n ON n.id = u.subject_id
      LEFT JOIN andon.runs r ON r.id = (n.before->>'replaced')::uuid AND NOT u.fatal) w
WHERE s.id = w.subject_id AND s.request_event_id = w.event_id AND s.status = 'active' AND s.current_run_id IS NULL
RETURNING andon.follow(s, NOT w.failed AND w.run_id IS NULL)
"""


class Found(NamedTuple):
    """A subject that can be named: its row's key as a text, and what the row was. No key: there is no such row, or a
    `fault` keeps it from being found, with that SQLSTATE.
    """

    key: str | None
    before: Any = None
    fault: str | None = None
    state: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it may be there and can't be looked for now."""
        return passes(self.state)


class RowAway(AndonError):
    """A row can't be looked for at the moment: somebody has locked its table, say."""

    def __init__(self, kind: str, fault: str | None, seqs: Iterable[int] = ()) -> None:
        """`seqs` are those of the events that name such rows."""
        self.fault = fault
        self.seqs = set(seqs)
        super().__init__(f"The row of this {kind} can't be looked for at the moment; try again.")


@dataclass(frozen=True)
class State:
    """A subject as it is when it is locked."""

    status: str = "idle"
    request_seq: int = 0
    request_event_id: str | None = None
    current_run_id: uuid.UUID | None = None
    cancelling: bool = False


@dataclass(frozen=True)
class Named:
    """A subject that an event names."""

    tenant: str
    kind: str
    key: str
    before: Any = None

    @property
    def id(self) -> uuid.UUID:
        """The key of its row."""
        return subject_id(self.tenant, self.kind, self.key)


class Attached(NamedTuple):
    """The run of a subject's newest request. `known`: the subject was moved when the request was accepted."""

    subject: Named
    run_id: uuid.UUID
    event: Event
    known: bool


class GivenBack(NamedTuple):
    """A request that has started no run. `fatal`: the subject has failed with that, whatever it was before."""

    subject_id: uuid.UUID
    event_id: str
    reason: str
    fatal: bool = False


class FormerRun(NamedTuple):
    """An open run of a subject. `held`: its code may be running."""

    id: uuid.UUID
    subject_id: uuid.UUID
    held: bool


def known(connection: Connection, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[str, int]]:
    """Those that have a row of ours: key, and the seq of their newest request."""
    wanted = list(ids)
    rows = connection.execute(_KNOWN, [wanted]).fetchall() if wanted else []
    return {id: (key, seq) for id, key, seq in rows}


def find(connection: Connection, wanted: Sequence[tuple[str, str, str]]) -> list[Found]:
    """For each (kind, tenant, id), which row is meant; where none is followed, any id will do."""
    if not wanted:
        return []
    return [Found(*row) for row in connection.execute(_FIND, [list(each) for each in zip(*wanted, strict=True)])]


def find_named(connection: Connection, wanted: Sequence[tuple[str, Event, str]]) -> list[Found]:
    """As `find`, for (kind, event, id). Raises `RowAway` where some of the events have to wait."""
    found = find(connection, [(kind, event.tenant, id) for kind, event, id in wanted])
    waiting = [(kind, row.fault, event.seq) for (kind, event, _), row in zip(wanted, found, strict=True) if row.waits]
    if waiting:
        raise RowAway(*waiting[0][:2], [seq for _, _, seq in waiting])
    return found


def make(connection: Connection, named: Iterable[Named]) -> None:
    """See that each has a row of ours; one that is new is `idle`."""
    rows = list({each.id: (each.id, each.tenant, each.kind, each.key) for each in named}.values())
    if rows:
        connection.execute(_MAKE, columns(rows))


def lock(connection: Connection, ids: Iterable[uuid.UUID | None]) -> None:
    """Take the subjects' row locks in one order, before any run's."""
    wanted = sorted({each for each in ids if each is not None})
    if wanted:
        connection.execute(_LOCK, [wanted])


def states(connection: Connection, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, State]:
    """How they are, in a statement after the one that locked them."""
    wanted = list(ids)
    rows = connection.execute(_STATES, [wanted]).fetchall() if wanted else []
    return {id: State(*rest) for id, *rest in rows}


def former_runs(connection: Connection, ids: Iterable[uuid.UUID]) -> list[FormerRun]:
    """Their open runs, locked; the subjects are locked by the caller."""
    wanted = list(ids)
    return [FormerRun(*row) for row in connection.execute(_FORMER_RUNS, [wanted]).fetchall()] if wanted else []


def attach(connection: Connection, attached: Sequence[Attached]) -> None:
    """Make each subject follow this run, and its row say `active`. They are locked by the caller."""
    if not attached:
        return
    rows = [
        (a.subject.id, a.run_id, a.event.seq, a.event.id, json_text(a.event.user), json_text(a.subject.before), a.known)
        for a in attached
    ]
    connection.execute(_ATTACH, columns(rows))


def give_back(connection: Connection, requests: Sequence[GivenBack]) -> None:
    """Let subjects whose newest request has started no run be what they were, or failed where they were nothing."""
    if requests:
        connection.execute(_GIVE_BACK, columns(requests))


def show_cancel(connection: Connection, id: uuid.UUID) -> None:
    """Of a request whose run isn't made yet, show that it is cancelled. The subject is locked by the caller."""
    connection.execute(_SHOW_CANCEL, [id])


def open_doors(connection: Connection) -> bool:
    """Let the runs go that waited until a former run of their subject has stopped; whether there were any."""
    return connection.execute(_OPEN_DOORS).rowcount > 0
