"""One look at everything that may be due: which of the dispatcher's duties have something to do, asked together."""

from typing import NamedTuple

from psycopg.rows import class_row

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.registered.schedules import TICKING
from andon.adapters.postgres.runs.awaiting_children import AWAITING
from andon.adapters.postgres.statuses import CANCELLABLE, HELD

_DUE = f"""
SELECT
    EXISTS (SELECT FROM andon.runs
        WHERE status = 'cancelling' AND cancel_deadline_at <= clock_timestamp()) AS overdue,
    EXISTS (SELECT FROM andon.wide_cancellations WHERE status <> 'done') AS sweep,
    EXISTS (SELECT FROM andon.untold_ends) AS tell,
    EXISTS (SELECT FROM andon.runs WHERE status IN {HELD} AND lease_until <= clock_timestamp()) AS reclaim,
    EXISTS (SELECT FROM andon.runs WHERE status = 'waiting' AND wake_at <= clock_timestamp()) AS wake,
    EXISTS (SELECT FROM andon.runs WHERE status = 'queued' AND door IS NULL AND sent_at IS NULL) AS unsent,
    EXISTS (SELECT FROM andon.runs
        WHERE status = 'queued' AND door IS NULL
            AND sent_at <= clock_timestamp() - %(lost)s::float8 * interval '1 s') AS hints_lost,
    EXISTS (SELECT FROM andon.outbox
        WHERE coalesce(sent_at, created_at) < clock_timestamp() - %(relay)s::float8 * interval '1 s') AS relay,
    EXISTS (SELECT {TICKING}) AS tick,
    EXISTS (SELECT FROM andon.maintenance WHERE name = 'drain') AS drained,
    EXISTS (SELECT FROM andon.gate_due WHERE at <= clock_timestamp()) AS doors,
    EXISTS (SELECT FROM andon.runs WHERE status = 'queued' AND door = subject_id) AS subject_doors,
    EXISTS (SELECT FROM andon.rows_owed WHERE next_at <= clock_timestamp()) AS rows,
    ARRAY(SELECT ARRAY[tenant, kind, name] FROM andon.pauses) AS paused,
    (EXISTS (SELECT FROM andon.runs WHERE status = 'queued' AND start_by <= clock_timestamp())
        OR EXISTS (SELECT FROM andon.runs WHERE status IN {CANCELLABLE} AND finish_by <= clock_timestamp())) AS late,
    EXISTS (SELECT FROM andon.cascades) AS cascade,
    EXISTS (SELECT FROM andon.runs WHERE {AWAITING}) AS outlived,
    EXISTS (SELECT FROM andon.pauses WHERE running = 'cancel' AND NOT applied) AS cancel_paused,
    EXISTS (SELECT FROM andon.waits) AS awaited,
    EXISTS (SELECT FROM andon.waits WHERE NOT looked) AS look
"""


class Due(NamedTuple):
    """What there is to do: each is a column of the look, and asked for by the verb of its name, of which most turns
    need none. `drained` is none: it says that no worker is to be told of a run; nor `awaited`, that some run waits for
    something; nor `paused`: tenant, kind and name of each pause.
    """

    overdue: bool
    sweep: bool
    tell: bool
    reclaim: bool
    wake: bool
    unsent: bool
    hints_lost: bool
    relay: bool
    tick: bool
    drained: bool
    doors: bool
    subject_doors: bool
    rows: bool
    paused: list[list[str]]
    late: bool
    cascade: bool
    outlived: bool
    cancel_paused: bool
    awaited: bool
    look: bool


def due(connection: Connection, *, lost_after: float, relay_after: float) -> Due:
    """What is to be done now, in one look; both times are in seconds."""
    with connection.cursor(row_factory=class_row(Due)) as cursor:
        row = cursor.execute(_DUE, {"lost": lost_after, "relay": relay_after}).fetchone()
    assert row is not None, "a statement that selects values has a row"
    return row
