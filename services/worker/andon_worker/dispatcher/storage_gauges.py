"""What is stored, by whom most, and when maintenance last ended well: as Postgres knows it."""

from __future__ import annotations

from typing import Any

import psycopg
from prometheus_client.core import GaugeMetricFamily

LARGEST = 10

_USAGE = "SELECT tenant, bytes, files FROM andon.storage_usage"
_MAINTENANCE = """
SELECT name, extract(epoch FROM clock_timestamp() - finished_at), facts->'room'
FROM andon.maintenance WHERE name IN ('prune', 'backup')
"""


def storage_gauges(connection: psycopg.Connection[Any]) -> list[GaugeMetricFamily]:
    """What `andon prune` measured last; nothing of it before the first one."""
    size = GaugeMetricFamily("andon_storage_bytes", "Bytes of datasets and artifacts, as the last prune measured")
    files = GaugeMetricFamily("andon_storage_files", "Files of datasets and artifacts, as the last prune measured")
    room = GaugeMetricFamily("andon_storage_room_bytes", "Bytes that the storage's volume can hold")
    free = GaugeMetricFamily("andon_storage_free_bytes", "Bytes of it that were free at the last prune")
    tenants = GaugeMetricFamily(
        "andon_tenant_storage_bytes", f"Bytes of each of the {LARGEST} tenants that have stored most", labels=["tenant"]
    )
    age = GaugeMetricFamily("andon_maintenance_age_seconds", "Since this last ended well", labels=["name"])
    for name, seconds, space in connection.execute(_MAINTENANCE).fetchall():
        age.add_metric([name], float(seconds))
        if name == "prune" and space:
            room.add_metric([], space["bytes"])
            free.add_metric([], space["free"])
    usage = connection.execute(_USAGE).fetchall()
    if age.samples:
        size.add_metric([], sum(bytes for _, bytes, _ in usage))
        files.add_metric([], sum(number for _, _, number in usage))
    for tenant, stored, _ in sorted(usage, key=lambda each: each[1], reverse=True)[:LARGEST]:
        tenants.add_metric([tenant], stored)
    return [size, files, room, free, tenants, age]
