"""Schedules: when each ticks next, whether it is paused, and the runs of one that are open."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from andon.adapters.cron import next_tick
from andon.adapters.postgres.connect import Connection, json_text, now
from andon.adapters.postgres.statuses import OPEN
from andon.engine.declared.rules import digest
from andon.engine.declared.triggers import Cron, schedule_id
from andon.engine.dispatch.ticks import delay
from andon.engine.events import DEFAULT_TENANT

MOST_AT_ONCE = 100
OPEN_AMONG = 200
"""A run of a schedule is looked for among so many of its newest."""

_KNOWN = "SELECT function_id, expr, tz FROM andon.schedules"
_ADD = """
INSERT INTO andon.schedules (function_id, expr, tz, next_at, due_at) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
# One that somebody has paused is to be found paused when a later release has it again.
_DROP = "DELETE FROM andon.schedules WHERE function_id = %s AND expr = %s AND tz = %s AND paused_at IS NULL"
# While its function is paused, or the queue of it, a schedule stands: what was missed then is caught up afterwards.
TICKING = f"""
FROM andon.schedules s WHERE paused_at IS NULL AND due_at <= clock_timestamp()
    AND CASE WHEN EXISTS (SELECT FROM andon.pauses) THEN NOT EXISTS (
        SELECT FROM andon.pauses p LEFT JOIN andon.functions f ON f.id = s.function_id
        WHERE p.tenant = '{DEFAULT_TENANT}'
            AND p.name = CASE p.kind WHEN 'queue' THEN coalesce(f.settings->>'queue', 'default') ELSE s.function_id END
    ) ELSE true END
"""
_DUE = f"SELECT function_id, expr, tz, next_at {TICKING} ORDER BY due_at LIMIT {MOST_AT_ONCE} FOR UPDATE OF s"
_ADVANCE = """
UPDATE andon.schedules SET next_at = %s, due_at = %s, last_at = %s WHERE function_id = %s AND expr = %s AND tz = %s
"""
_OPEN_RUN = f"""
SELECT r.id FROM (SELECT run_id, event_seq FROM andon.cancel_keys WHERE key = %s ORDER BY event_seq DESC
                  LIMIT {OPEN_AMONG}) k
JOIN andon.runs r ON r.id = k.run_id WHERE r.status IN {OPEN} ORDER BY k.event_seq DESC LIMIT 1
"""
_ALL = """
SELECT function_id, expr, tz, next_at, due_at, last_at, paused_at, paused_by, pause_reason FROM andon.schedules
ORDER BY function_id, expr, tz
"""
_PAUSE = """
UPDATE andon.schedules SET paused_at = clock_timestamp(), paused_by = %s::jsonb, pause_reason = %s
WHERE function_id = %s AND expr = %s AND tz = %s AND paused_at IS NULL
"""
_RESUME = """
UPDATE andon.schedules SET paused_at = NULL, paused_by = NULL, pause_reason = NULL, next_at = %s, due_at = %s
WHERE function_id = %s AND expr = %s AND tz = %s AND paused_at IS NOT NULL
"""


@dataclass(frozen=True)
class Due:
    """A schedule of which a tick is due: the oldest is `next_at`."""

    function_id: str
    expr: str
    tz: str
    next_at: dt.datetime


@dataclass(frozen=True)
class Schedule(Due):
    """A schedule of a function, as it is stored."""

    due_at: dt.datetime
    last_at: dt.datetime | None = None
    paused_at: dt.datetime | None = None
    paused_by: Any = None
    pause_reason: str | None = None

    @property
    def id(self) -> str:
        """What names it in a URL."""
        return schedule_id(self.function_id, self.expr, self.tz)


def register(connection: Connection, declared: Iterable[tuple[str, Cron]]) -> None:
    """Have these schedules and no others. One that is new ticks from now on. In the caller's transaction."""
    wanted = {(function_id, cron.expr, cron.tz): cron for function_id, cron in declared}
    known = set(connection.execute(_KNOWN).fetchall())
    for gone in sorted(known - set(wanted)):
        connection.execute(_DROP, gone)
    if new := sorted(set(wanted) - known):
        since = now(connection)
        for key in new:
            connection.execute(_ADD, [*key, *_times(wanted[key], key[0], since)])


def due(connection: Connection) -> tuple[dt.datetime, list[Due]]:
    """What time it is, and the schedules of which a tick is due, locked. In a transaction that holds the leadership."""
    rows = connection.execute(_DUE).fetchall()
    return now(connection), [Due(*row) for row in rows]


def advance(connection: Connection, schedule: Due, cron: Cron | None, *, last: dt.datetime) -> None:
    """Its ticks up to `last` have taken effect. One that no function has any more ticks no more."""
    key = schedule.function_id, schedule.expr, schedule.tz
    if cron is None:
        connection.execute(_DROP, key)
    else:
        connection.execute(_ADVANCE, [*_times(cron, schedule.function_id, last), last, *key])


def open_run(connection: Connection, function_id: str, expr: str, tz: str) -> uuid.UUID | None:
    """The newest run of a schedule that hasn't ended."""
    row = connection.execute(_OPEN_RUN, [run_key(function_id, expr, tz)]).fetchone()
    return None if row is None else row[0]


def run_key(function_id: str, expr: str, tz: str) -> uuid.UUID:
    """The key under which the runs of a schedule are found."""
    return digest([DEFAULT_TENANT, "cron", function_id, expr, tz])


def listed(connection: Connection) -> list[Schedule]:
    """All of them."""
    return [Schedule(*row) for row in connection.execute(_ALL).fetchall()]


def pause(connection: Connection, schedule: Schedule, *, by: Any, reason: str | None) -> bool:
    """Let it tick no more until it is resumed; returns whether it did."""
    said = json_text(by)
    changed = connection.execute(_PAUSE, [said, reason, schedule.function_id, schedule.expr, schedule.tz])
    return changed.rowcount > 0


def resume(connection: Connection, schedule: Schedule, cron: Cron) -> bool:
    """Let it tick again, from now on: no tick of the pause is caught up. Returns whether it was paused."""
    times = _times(cron, schedule.function_id, now(connection))
    changed = connection.execute(_RESUME, [*times, schedule.function_id, schedule.expr, schedule.tz])
    return changed.rowcount > 0


def _times(cron: Cron, function_id: str, after: dt.datetime) -> Sequence[dt.datetime]:
    tick = next_tick(cron.expr, cron.tz, after)
    return tick, tick + delay(cron, function_id, tick)
