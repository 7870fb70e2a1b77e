"""What is stored, and when maintenance last ended well: as Postgres knows it."""

from __future__ import annotations

from typing import Any

import psycopg
from prometheus_client.core import GaugeMetricFamily

_USAGE = "SELECT coalesce(sum(bytes), 0), coalesce(sum(files), 0) FROM andon.storage_usage"
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
    age = GaugeMetricFamily("andon_maintenance_age_seconds", "Since this last ended well", labels=["name"])
    for name, seconds, space in connection.execute(_MAINTENANCE).fetchall():
        age.add_metric([name], float(seconds))
        if name == "prune" and space:
            room.add_metric([], space["bytes"])
            free.add_metric([], space["free"])
    if age.samples:
        stored, number = connection.execute(_USAGE).fetchone() or (0, 0)
        size.add_metric([], float(stored))
        files.add_metric([], float(number))
    return [size, files, room, free, age]
