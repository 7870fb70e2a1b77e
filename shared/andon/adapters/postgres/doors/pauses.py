"""Pauses: of a function or of a queue, for a tenant. Its runs are made, and stand at a door until it is resumed.

No claim takes a run that is paused. Runs that a worker was told of already, or that come back to a line, are taken to
that door by the dispatcher, which looks for them as long as anything is paused; what they hold meanwhile is free for
others. A hint that was sent leads to somebody else then.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from andon.adapters.postgres.connect import Connection, json_text
from andon.adapters.postgres.doors import gate
from andon.engine.declared.gates import pause_key

AT_ONCE = 2_000
CONTINUE, HOLD, CANCEL = "continue", "hold", "cancel"
RUNNING = (CONTINUE, HOLD, CANCEL)

_PAUSE = """
INSERT INTO andon.pauses (tenant, kind, name, paused_by, reason, running) VALUES (%s, %s, %s, %s::jsonb, %s, %s)
ON CONFLICT DO NOTHING
"""
# Their time to start stands still meanwhile: of one whose time comes, it is put off until it is resumed.
PUT_OFF = "interval '1000 years'"
_RESUME = """
DELETE FROM andon.pauses WHERE tenant = %s AND kind = %s AND name = %s RETURNING clock_timestamp() - paused_at
"""
_LATER = f"""
UPDATE andon.runs SET start_by = start_by + least(%s::interval, clock_timestamp() - queued_at)
    - CASE WHEN start_by > clock_timestamp() + {PUT_OFF} / 2 THEN {PUT_OFF} ELSE interval '0' END
WHERE status = 'queued' AND start_by IS NOT NULL AND tenant = %s
    AND CASE %s WHEN 'queue' THEN queue ELSE function_id END = %s
"""
_ALL = "SELECT tenant, kind, name, paused_at, paused_by, reason, running FROM andon.pauses ORDER BY 1, 2, 3"
_TAKE_OUT = f"""
WITH taken AS (
    SELECT r.id, p.door FROM andon.runs r
    JOIN unnest(%(tenants)s::text[], %(kinds)s::text[], %(names)s::text[], %(doors)s::uuid[])
        p (tenant, kind, name, door)
        ON p.tenant = r.tenant AND p.name = CASE p.kind WHEN 'queue' THEN r.queue ELSE r.function_id END
    WHERE r.status = 'queued' AND r.door IS NULL AND r.kind = 'function' AND r.cancel_requested_at IS NULL
    LIMIT {AT_ONCE} FOR NO KEY UPDATE OF r SKIP LOCKED
), moved AS (
    UPDATE andon.runs r SET door = t.door, door_order = coalesce(r.door_order, r.queued_at), turn = NULL, sent_at = NULL
    FROM taken t WHERE r.id = t.id RETURNING r.id, r.gate_keys, NULL::uuid AS door
){gate.FREES}
SELECT count(*) FROM moved
"""

Place = tuple[str, str, str]
"""A tenant, `function` or `queue`, and which."""


class Pause(NamedTuple):
    """One that holds now."""

    tenant: str
    kind: str
    name: str
    paused_at: dt.datetime
    paused_by: Any
    reason: str | None
    running: str
    """What becomes of runs that have started: they `continue`, or are given up at the next step and wait (`hold`), or
    are asked to `cancel`."""


@dataclass
class Pauses:
    """What is paused, as the dispatcher knows it: what it makes or lets in after it has learned of a pause minds it."""

    places: frozenset[Place] = frozenset()
    over: frozenset[Place] = frozenset()
    """Those that have ended, and whose doors may have got runs until it was known."""

    def __bool__(self) -> bool:
        return bool(self.places)

    def learn(self, listed: Iterable[Sequence[str]]) -> None:
        """This is what is paused now."""
        former, self.places = self.places, frozenset((tenant, kind, name) for tenant, kind, name in listed)
        self.over |= former - self.places

    def doors(self, tenant: str, function_id: str, queue: str) -> list[uuid.UUID]:
        """The doors at which a run has to wait."""
        if not self.places:
            return []
        wanted = [(tenant, "function", function_id), (tenant, "queue", queue)]
        return [pause_key(*place) for place in wanted if place in self.places]

    def take_out(self, connection: Connection) -> bool:
        """Take some of those that stand in lines to their door; whether there may be more.

        The doors of pauses that are over are looked at.
        """
        gate.look_at(connection, [pause_key(*place) for place in sorted(self.over)])
        self.over = frozenset()
        if not self.places:
            return False
        places = sorted(self.places)
        tenants, kinds, names = map(list, zip(*places, strict=True))
        doors = [pause_key(*place) for place in places]
        values = {"tenants": tenants, "kinds": kinds, "names": names, "doors": doors}
        [moved] = connection.execute(_TAKE_OUT, values).fetchone() or [0]
        return int(moved) >= AT_ONCE


def paused(run: str) -> str:
    """SQL for whether a run, of which this is the alias, has to wait for a pause's end. Costs nothing without one."""
    return f"""CASE WHEN EXISTS (SELECT FROM andon.pauses) THEN {run}.kind = 'function' AND EXISTS (
        SELECT FROM andon.pauses p WHERE p.tenant = {run}.tenant
            AND p.name = CASE p.kind WHEN 'queue' THEN {run}.queue ELSE {run}.function_id END) ELSE false END"""


def pause(connection: Connection, place: Place, *, by: Any, reason: str | None, running: str = CONTINUE) -> bool:
    """From now on its runs wait; False if they do already."""
    values = [*place, json_text(by), reason, running]
    return connection.execute(_PAUSE, values).rowcount == 1


def resume(connection: Connection, place: Place) -> bool:
    """Let its runs go on; False if nothing is paused there."""
    row = connection.execute(_RESUME, place).fetchone()
    if row is None:
        return False
    tenant, kind, name = place
    connection.execute(_LATER, [row[0], tenant, kind, name])
    gate.look_at(connection, [pause_key(*place)])
    return True


def listed(connection: Connection) -> list[Pause]:
    """All that hold."""
    return [Pause(*row) for row in connection.execute(_ALL).fetchall()]
