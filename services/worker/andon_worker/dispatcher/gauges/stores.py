"""What the two stores say of the whole system, asked when Prometheus asks.

Every dispatcher exports these, leading or not, so that they don't vanish with a leader: queries take the `max`.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import psycopg
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.runs import cleanups
from andon.adapters.postgres.subjects import rows_owed
from andon.adapters.postgres.upkeep import gauges as stored
from andon.adapters.postgres.upkeep import webhooks_owed
from andon.adapters.redis.bus import GROUP, STREAM, group_of
from andon.adapters.redis.stream.reading import place_of
from andon.adapters.redis.stream.unread import MOST, unread
from andon.engine.states import OPEN
from andon_worker.dispatcher.gauges.storage import storage_gauges
from andon_worker.dispatcher.gauges.tenants import TenantGauges
from andon_worker.metrics import family

log = logging.getLogger(__name__)
CACHE_SECONDS = 2.0


class StoreGauges(Collector):
    """Gauges read from Postgres and Redis, at most once per two seconds however often they are asked for."""

    def __init__(self, database_url: str, redis: Redis, *, queues: Sequence[str]) -> None:
        self._url = database_url
        self._redis = redis
        self._queues = queues
        self._tenants = TenantGauges()
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._read: list[GaugeMetricFamily] = []
        self._read_at = float("-inf")

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing: registering must not ask a store."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges; those of a store that doesn't answer are missing, and `andon_store_up` says so."""
        with self._lock:
            if time.monotonic() - self._read_at >= CACHE_SECONDS:
                self._read = self._look()
                self._read_at = time.monotonic()
            return list(self._read)

    def _look(self) -> list[GaugeMetricFamily]:
        up = family("andon_store_up", "1 when the store answered this dispatcher", "store")
        found: list[GaugeMetricFamily] = [up]
        try:
            connection = self._postgres()
            with connection.transaction():
                stored.bound(connection)
                found += postgres_gauges(connection, self._queues)
                found += storage_gauges(connection)
                found += self._tenants.of_postgres(connection)
            up.add_metric(["postgres"], 1)
        except psycopg.Error as error:
            log.warning("no gauges from postgres: %s", first_line(error))
            self.close()
            up.add_metric(["postgres"], 0)
        try:
            found += bus_gauges(self._redis)
            found += self._tenants.of_redis(self._redis)
            up.add_metric(["redis"], 1)
        except (RedisError, OSError) as error:
            log.warning("no gauges from redis: %s", error)
            up.add_metric(["redis"], 0)
        return found

    def _postgres(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, name="metrics")
        return self._connection

    def close(self) -> None:
        """Close the connection; the next look opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def postgres_gauges(connection: Connection, queues: Sequence[str]) -> list[GaugeMetricFamily]:
    """Open runs, and what waits in tables. The known queues show a 0 where nothing is."""
    runs = family("andon_runs", "Runs that have not ended", "status", "queue")
    waiting = family("andon_queue_age_seconds", "Age of the oldest run that has not started", "queue")
    cancelling = family("andon_cancel_age_seconds", "Age of the oldest cancel whose run has not ended")
    expired = family("andon_runs_lease_expired", "Held runs whose lease has run out and that nobody has taken back")
    oldest_cancel, lost = 0.0, 0
    counts: dict[tuple[str, str], int] = dict.fromkeys(product(OPEN, queues), 0)
    ages = dict.fromkeys(queues, 0.0)
    for each in stored.open_runs(connection):
        counts[each.status, each.queue] = each.number
        if each.status == "queued":
            ages[each.queue] = float(each.queue_age or 0)
        oldest_cancel = max(oldest_cancel, float(each.cancel_age or 0))
        lost += each.without_lease
    for labels, count in counts.items():
        runs.add_metric(labels, count)
    for queue, seconds in ages.items():
        waiting.add_metric([queue], seconds)
    cancelling.add_metric([], oldest_cancel)
    expired.add_metric([], lost)

    backlogs = stored.backlogs(connection)
    outbox = _single("andon_outbox_entries", "Events that no dispatcher has recorded yet", backlogs.outbox)
    outbox_age = _single("andon_outbox_age_seconds", "Age of the oldest of them", backlogs.outbox_age)
    dead = _single("andon_dead_events", "Entries of the bus that could not be events, not replayed", backlogs.dead)

    failed, _ = cleanups.failed(connection)
    unclean = _single("andon_failed_cleanups", "on_cancel and on_failure runs that failed, not run again", failed)
    owed = rows_owed.owed(connection)
    rows = _single("andon_followed_rows_owed", "Followed rows that could not be written yet", owed.number)
    rows_age = _single("andon_followed_rows_owed_age_seconds", "Age of the oldest of them", owed.seconds)
    untold = webhooks_owed.owed(connection)
    ends = _single("andon_webhooks_owed", f"Ends that webhooks are owed; up to {webhooks_owed.COUNTED}", untold.number)
    ends_age = _single("andon_webhooks_owed_age_seconds", "Age of the oldest of them", untold.seconds)
    lease = stored.lease(connection)
    led = _single("andon_dispatcher_lease_held", "1 while a dispatcher leads", lease.held)
    fence = _single("andon_dispatcher_fence", "Number of the lease: it grows when another takes over", lease.fence)
    backlog = [outbox, outbox_age, dead, rows, rows_age, ends, ends_age]
    return [runs, waiting, cancelling, expired, unclean, *backlog, led, fence]


def bus_gauges(redis: Redis) -> list[GaugeMetricFamily]:
    """How far the group is behind, by position in the stream: `lag` in XINFO is wrong once entries were trimmed."""
    entries = family("andon_bus_entries", "Entries that the stream keeps", "stream")
    behind = family("andon_bus_unread_entries", f"Entries not read yet; counted up to {MOST} or 16 MiB", "stream")
    pending = family("andon_bus_pending_entries", "Entries read and not acknowledged", "stream")
    age = family("andon_bus_age_seconds", "Age of the oldest entry that is unread or pending", "stream")
    seconds, micros = redis.time()
    now = seconds * 1000 + micros / 1000
    length: Any = redis.xlen(STREAM)
    group = group_of(redis)
    count, first = unread(redis, STREAM, "-" if group is None else group["last-delivered-id"].decode())
    oldest = [first] if first else []
    if group is not None and group["pending"]:
        summary: Any = redis.xpending(STREAM, GROUP)
        oldest += [summary["min"].decode()] if summary["min"] else []
    entries.add_metric([STREAM], length)
    behind.add_metric([STREAM], count)
    pending.add_metric([STREAM], group["pending"] if group else 0)
    age.add_metric([STREAM], max([0.0, *(now - place_of(id)[0] for id in oldest)]) / 1000)
    return [entries, behind, pending, age]


def _single(name: str, meaning: str, value: Any) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=float(value or 0))
