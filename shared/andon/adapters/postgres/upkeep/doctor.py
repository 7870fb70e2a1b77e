"""What Postgres says of a running system: leases, queues, the outbox, what waits and for how long. Changes nothing."""

import time
from collections.abc import Iterator

from andon.adapters.checks import Check, judge, ok, problem, warning
from andon.adapters.postgres.connect import Connection, one
from andon.adapters.postgres.doors import pauses
from andon.adapters.postgres.registered.functions import REGISTERED_WITHIN
from andon.adapters.postgres.runs import cleanups
from andon.adapters.postgres.statuses import HELD
from andon.adapters.postgres.subjects import rows_owed, subject_kinds
from andon.adapters.postgres.upkeep.draining import drained
from andon.adapters.postgres.upkeep.webhooks_owed import owed as webhooks_owed

OLD_OUTBOX_SECONDS = 15
OLD_QUEUE_SECONDS = 60
OLD_CANCEL_SECONDS = 30
CLOCK_SECONDS = 2.0
OLD_PRUNE_SECONDS = 86_400
OLD_BACKUP_SECONDS = 36 * 3600
OLD_ROW_SECONDS = 60
OLD_WEBHOOK_SECONDS = 900
LITTLE_ROOM = 0.1

_NOW = "SELECT extract(epoch FROM clock_timestamp())::float8, current_setting('server_version')"
_LEASE = """
SELECT holder, lease_until > clock_timestamp(),
    extract(epoch FROM clock_timestamp() - lease_until)::float8
FROM andon.dispatcher_leases
"""
_FUNCTIONS = "SELECT count(*) FROM andon.functions"
_UNSERVED = f"""
SELECT count(*), min(r.function_id) FROM andon.runs r
WHERE r.status = 'queued' AND r.door IS NULL AND NOT EXISTS (SELECT FROM andon.functions f
    WHERE f.id = r.function_id AND f.seen_at > (SELECT max(seen_at) FROM andon.functions)
        - interval '{REGISTERED_WITHIN.total_seconds()} s')
"""
_HELD = f"""
SELECT count(*), count(DISTINCT worker_id), count(*) FILTER (WHERE lease_until <= clock_timestamp()),
    coalesce(extract(epoch FROM clock_timestamp() - min(lease_until)), 0)::float8
FROM andon.runs WHERE status IN {HELD} AND lease_until IS NOT NULL
"""
_QUEUED = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float8
FROM andon.runs WHERE status = 'queued' AND door IS NULL AND started_at IS NULL
"""
_AT_DOORS = "SELECT count(*) FROM andon.runs WHERE status = 'queued' AND door IS NOT NULL"
_CANCELLING = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(cancel_requested_at)), 0)::float8,
    (array_agg(id ORDER BY cancel_requested_at))[1]
FROM andon.runs WHERE status = 'cancelling'
"""
_OUTBOX = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 FROM andon.outbox
"""
_DEAD = """
SELECT count(*), (array_agg(reason ORDER BY id DESC))[1] FROM andon.dead_events WHERE replayed_at IS NULL
"""
_STORED = """
SELECT coalesce(sum(bytes), 0)::bigint, coalesce(sum(files), 0)::bigint,
    (SELECT tenant FROM andon.storage_usage ORDER BY bytes DESC LIMIT 1), coalesce(max(bytes), 0)
FROM andon.storage_usage
"""
_BACKED_UP = """
SELECT extract(epoch FROM clock_timestamp() - finished_at)::float8, finished_at = 'epoch'
FROM andon.maintenance WHERE name = 'backup'
"""
_PRUNED = """
SELECT (SELECT extract(epoch FROM clock_timestamp() - finished_at)::float8 FROM andon.maintenance WHERE name = 'prune'),
    (SELECT facts->'room' FROM andon.maintenance WHERE name = 'prune'),
    coalesce((SELECT received_at < clock_timestamp() - interval '2 days' FROM andon.events ORDER BY seq LIMIT 1), false)
"""


def clock_offset(connection: Connection) -> tuple[float, str]:
    """Seconds that Postgres' clock is ahead of this machine's, and the server's version."""
    before = time.time()
    seconds, version = one(connection, _NOW)
    return seconds - (before + time.time()) / 2, version


def check_clock(name: str, offset: float, *, against: str) -> Check:
    """A clock that is off changes no outcome (the database's time decides all of them); what is shown is off."""
    found = f"{offset:+.3f} s against {against}"
    remedy = "No run is decided by it, but times that are shown differ: let both machines use NTP."
    return judge(name, found, bad=abs(offset) > CLOCK_SECONDS, remedy=remedy)


def check_system(connection: Connection) -> list[Check]:
    """Every check that the tables answer."""
    return [
        _writing(connection),
        _dispatcher(connection),
        _functions(connection),
        _workers(connection),
        _queue(connection),
        *_drained(connection),
        *_paused(connection),
        _cancels(connection),
        _cleanups(connection),
        _outbox(connection),
        _dead_events(connection),
        *_subjects(connection),
        _webhooks(connection),
        *_storage(connection),
        *_backup(connection),
    ]


def _writing(connection: Connection) -> Check:
    [read_only] = one(connection, "SELECT current_setting('transaction_read_only') = 'on'")
    found = "refused: it is read-only" if read_only else "taken"
    remedy = (
        "Everything waits, and nothing is lost: point ANDON_DATABASE_URL to the primary, or look at "
        "default_transaction_read_only."
    )
    return judge("postgres writes", found, bad=read_only, remedy=remedy, fatal=True)


def _dispatcher(connection: Connection) -> Check:
    remedy = "Events are accepted and wait: start `andon dispatcher`, and read its log."
    row = connection.execute(_LEASE).fetchone()
    if row is None:
        return problem("dispatcher", "none has ever led", remedy)
    holder, leads, ago = row
    if leads:
        return ok("dispatcher", f"{holder} leads")
    return problem("dispatcher", f"nobody leads since {ago:.0f} s ({holder} did)", remedy)


def _functions(connection: Connection) -> Check:
    [count] = one(connection, _FUNCTIONS)
    remedy = "No event can start a run: set ANDON_FUNCTIONS for the dispatcher and the workers, and start them again."
    waiting, first = one(connection, _UNSERVED) if count else (0, None)
    if not waiting:
        return judge("functions", f"{count} registered", bad=count == 0, remedy=remedy)
    found = f"{count} registered; {waiting} runs wait for one that no module declares, as {first}"
    return warning("functions", found, "Deploy it again under that id, or end them: `andon cancel --function ID`.")


def _workers(connection: Connection) -> Check:
    held, workers, expired, longest = one(connection, _HELD)
    if not held:
        return ok("worker leases", "no run is held")
    found = f"{held} runs held by {workers} workers"
    if expired:
        found += f", {expired} leases ran out, the oldest {longest:.0f} s ago"
    remedy = "The dispatcher takes such runs back within a lease: if they stay, look at the dispatcher's log."
    return judge("worker leases", found, bad=expired > 0, remedy=remedy)


def _queue(connection: Connection) -> Check:
    count, age = one(connection, _QUEUED)
    [at_doors] = one(connection, _AT_DOORS)
    found = f"{count} runs wait for a worker" + (f", the oldest for {age:.0f} s" if count else "")
    found += f"; {at_doors} for a limit, the end of a pause or the run before them" if at_doors else ""
    remedy = "Start `andon worker`, or more of them; check that they consume the queue that the function names."
    return judge("queue", found, bad=age > OLD_QUEUE_SECONDS, remedy=remedy)


def _drained(connection: Connection) -> list[Check]:
    """Whether somebody has asked that no run starts."""
    row = drained(connection)
    if row is None:
        return []
    since, facts = row
    by, why = (facts.get("by") or {}).get("id"), facts.get("reason") or "no reason given"
    found = f"no run starts since {since:%Y-%m-%d %H:%M} UTC: {by} has drained the workers ({why})"
    return [warning("drain", found, "When that is over: `andon workers resume`.")]


def _paused(connection: Connection) -> list[Check]:
    """What somebody has paused, if anything is."""
    held = pauses.listed(connection)
    if not held:
        return []
    first = min(held, key=lambda each: each.paused_at)
    found = f"{len(held)} paused, the first: {first.kind} {first.name} since {first.paused_at:%Y-%m-%d %H:%M} UTC"
    found += f" ({first.reason})" if first.reason else ""
    return [ok("pauses", found)]


def _cancels(connection: Connection) -> Check:
    count, age, oldest = one(connection, _CANCELLING)
    found = f"{count} runs are stopping" + (f", {oldest} for {age:.0f} s" if count else "")
    remedy = (
        f"Its step blocks outside Python: `andon runs show {oldest}` names it. It is settled by force at the "
        "function's cancel deadline; what a kill doesn't end hangs in the kernel."
    )
    return judge("cancels", found, bad=age > OLD_CANCEL_SECONDS, remedy=remedy)


def _cleanups(connection: Connection) -> Check:
    count, newest = cleanups.failed(connection)
    found = f"{count} have failed, and were not run again; the newest: {newest}" if count else "none has failed"
    remedy = f"What they were to undo is still there: `andon runs show {newest}` says why, `andon runs rerun` goes on."
    return judge("cleanups", found, bad=count > 0, remedy=remedy)


def _outbox(connection: Connection) -> Check:
    count, age = one(connection, _OUTBOX)
    found = f"{count} events wait for the dispatcher" + (f", the oldest {age:.0f} s" if count else "")
    remedy = "Nothing is lost, but nothing happens either: check Redis and the dispatcher above."
    return judge("outbox", found, bad=age > OLD_OUTBOX_SECONDS, remedy=remedy)


def _dead_events(connection: Connection) -> Check:
    count, reason = one(connection, _DEAD)
    if not count:
        return ok("dead events", "none")
    found = f"{count} entries could not be events; the newest: {str(reason)[:120]}"
    return warning("dead events", found, "Mend the producer; the console shows each with its bytes, and replays it.")


def _subjects(connection: Connection) -> Iterator[Check]:
    """Whether each row can be followed as its table is now, and whether some are owed; nothing where none has a row."""
    kinds = list(subject_kinds.looked_at(connection))
    for kind, refused in kinds:
        if refused is not None:
            yield problem(f"subject {kind}", refused, "Until it is mended, the rows are owed and say what they said.")
    if not kinds:
        return
    number, seconds, first, reason = rows_owed.owed(connection)
    found = f"{number} rows are owed" + (f", {first} for {seconds:.0f} s: {reason}" if number else "")
    remedy = (
        "They are written as soon as it can be done. `held`: end the transaction that holds the row; else do what the "
        "database says. `andon subjects check KIND` lists rows that somebody else has changed."
    )
    yield judge("followed rows", found, bad=seconds > OLD_ROW_SECONDS, remedy=remedy)


def _webhooks(connection: Connection) -> Check:
    number, seconds, tenant, webhook, attempts, answer = webhooks_owed(connection)
    if seconds is None:
        return ok("webhooks", "nothing is owed")
    found = f"{number:,} ends are owed, the first to {webhook} of {tenant} for {seconds:.0f} s"
    found += f", tried {attempts} times: {answer}" if answer else ""
    remedy = (
        f"If its receiver works: `andon webhooks deliveries {webhook}` has what each attempt came to, and a dispatcher "
        "needs a way out (docs/operations.md, AndonWebhooksOwed). It is tried for three days."
    )
    return judge("webhooks", found, bad=seconds > OLD_WEBHOOK_SECONDS, remedy=remedy)


def _storage(connection: Connection) -> list[Check]:
    """What is stored, and by whom most, as the last prune measured it; and how long ago that was."""
    size, files, tenant, most = one(connection, _STORED)
    ago, room, old = one(connection, _PRUNED)
    remedy = "Nothing old is removed: run `andon prune` every hour, and read what the last one said."
    pruned = (
        judge("prune", "never", bad=old, remedy=remedy)
        if ago is None
        else judge("prune", f"{ago / 3600:.1f} h ago", bad=ago > OLD_PRUNE_SECONDS, remedy=remedy)
    )
    if ago is None:
        return [pruned]
    found = f"{size:,} bytes in {files:,} files" + (f", {tenant} has {most:,} of them" if tenant else "")
    if not room:
        return [pruned, ok("storage", found)]
    share = room["free"] / max(room["bytes"], 1)
    full = "Make it larger, or keep less: `andon prune --keep-artifacts 90d --keep-unused 7d`."
    return [
        pruned,
        judge("storage", f"{found}; {share:.0%} of the volume is free", bad=share < LITTLE_ROOM, remedy=full),
    ]


def _backup(connection: Connection) -> list[Check]:
    """How old the last backup is that told of itself; nothing where none ever has: others may see to it."""
    row = connection.execute(_BACKED_UP).fetchone()
    if row is None:
        return []
    ago, never = row
    found = "none has ended well yet" if never else f"{ago / 3600:.1f} h ago"
    remedy = "Read what the last backup said, and run another."
    return [judge("backup", found, bad=ago > OLD_BACKUP_SECONDS, remedy=remedy)]
