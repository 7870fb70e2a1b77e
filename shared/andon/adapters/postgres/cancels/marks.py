"""Mark runs as asked to stop, and settle at once those that no worker holds."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from andon.adapters.postgres.connect import Connection, json_text
from andon.adapters.postgres.events.own_events import LONGEST_REASON
from andon.adapters.postgres.runs.settle import Settled, cancel_unheld
from andon.adapters.postgres.statuses import CANCELLABLE
from andon.engine.events import Event

# Follows a CTE `asked` with who is asked to stop, by which event, on whose behalf and why. Subjects are locked.
MARKING = f"""
, marked AS (
    UPDATE andon.runs r SET
        status = CASE WHEN r.status = 'running' OR r.awaits_children THEN 'cancelling' ELSE r.status END,
        wake_at = CASE WHEN r.status = 'running' OR NOT r.awaits_children THEN r.wake_at END,
        cancel_requested_at = clock_timestamp(), cancel_requested_by = a."user"::jsonb, cancel_reason = a.reason,
        cancel_event_id = a.event_id, cancel_event_seq = a.seq, cancel_cause = a.cause,
        cancel_deadline_at = clock_timestamp()
            + ((SELECT least(f.settings->'cancelDeadline', '31622400'::jsonb) FROM andon.functions f
                WHERE f.id = r.function_id AND jsonb_typeof(f.settings->'cancelDeadline') = 'number')::float8
               * interval '1 s')
    FROM asked a
    WHERE r.id = a.run_id AND r.cancel_requested_at IS NULL AND r.status IN {CANCELLABLE}
    RETURNING r.id, r.status, r.subject_id, r.cancel_requested_at
), shown AS (
    UPDATE andon.subjects s SET cancel_requested_at = m.cancel_requested_at, version = s.version + 1
    FROM marked m WHERE s.id = m.subject_id AND s.current_run_id = m.id
)
"""

_MARK = f"""
WITH asked AS (
    SELECT * FROM unnest(%(runs)s::uuid[], %(seqs)s::bigint[], %(events)s::text[], %(users)s::text[],
        %(reasons)s::text[], %(causes)s::text[]) AS a (run_id, seq, event_id, "user", reason, cause)
){MARKING}
SELECT id, status FROM marked
"""


@dataclass(frozen=True)
class Mark:
    """Ask this run to stop, on behalf of this event; one without a seq is none."""

    run_id: uuid.UUID
    event: Event
    cause: str | None = None
    """A `CancelCause`, where nobody has asked for it."""


class Marked(NamedTuple):
    """What marking did: runs that go on until their worker stops them, and runs that have ended."""

    cancelling: list[uuid.UUID]
    settled: list[Settled]


def reason_of(event: Event) -> str | None:
    """The event's `data.reason`, if it is a text, and no more of it than anybody reads: each run keeps it."""
    reason = event.data.get("reason")
    return reason[:LONGEST_REASON] if isinstance(reason, str) else None


def mark(connection: Connection, marks: Sequence[Mark]) -> Marked:
    """Mark the runs that are open and not marked yet; settle those that no worker holds.

    In the caller's transaction, which has locked the runs' subjects. Where several marks name a run, the
    first counts.
    """
    first = {each.run_id: each for each in reversed(marks)}
    if not first:
        return Marked([], [])
    values = {
        "runs": list(first),
        "seqs": [m.event.seq or None for m in first.values()],
        "events": [m.event.id or None for m in first.values()],
        "users": [json_text(m.event.user) for m in first.values()],
        "reasons": [None if m.cause else reason_of(m.event) for m in first.values()],
        "causes": [m.cause and str(m.cause) for m in first.values()],
    }
    rows = connection.execute(_MARK, values).fetchall()
    held = [id for id, status in rows if status == "cancelling"]
    return Marked(held, cancel_unheld(connection, [id for id, status in rows if status != "cancelling"]))
