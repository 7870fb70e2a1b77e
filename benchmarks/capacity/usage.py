"""What the system has used so far: processor time by process, bytes by table, log and key."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
from redis import Redis

from benchmarks.stage import Stage

_TABLES = """
SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = 'andon'::regnamespace
"""
_LOG = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"


@dataclass(frozen=True)
class Usage:
    """Processor seconds by process, bytes by table, bytes of write-ahead log, bytes in Redis."""

    seconds: dict[str, float]
    tables: dict[str, int]
    log: int
    redis: int

    def since(self, earlier: Usage, count: int) -> dict[str, Any]:
        """The difference, by each of `count`: microseconds and bytes; tables that grew."""
        micro = {name: round((self.seconds[name] - earlier.seconds[name]) / count * 1e6) for name in self.seconds}
        grown = {name: round((size - earlier.tables[name]) / count) for name, size in self.tables.items()}
        return {
            "us": micro,
            "bytes": {name: size for name, size in sorted(grown.items()) if size},
            "log bytes": round((self.log - earlier.log) / count),
            "redis bytes": round((self.redis - earlier.redis) / count),
        }


def usage(stage: Stage, postgres_pid: int, redis_pid: int) -> Usage:
    """What was used until now."""
    pids = {
        "api": stage.others[0].pid,
        "dispatcher": stage.others[1].pid,
        "worker": stage.workers[0].pid,
        "postgres": postgres_pid,
        "redis": redis_pid,
    }
    with Redis.from_url(stage.redis_url) as redis:
        memory: Any = redis.info("memory")
    return Usage(
        {name: _seconds(pid) for name, pid in pids.items()},
        dict(stage.connection.execute(_TABLES).fetchall()),
        int((stage.connection.execute(_LOG).fetchone() or [0])[0]),
        int(memory["used_memory"]),
    )


def _seconds(pid: int) -> float:
    """Processor time of the process, of its children, and of those that have ended."""
    process = psutil.Process(pid)
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
