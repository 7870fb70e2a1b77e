"""What is stored, and when maintenance last ended well: as Postgres knows it."""

from prometheus_client.core import GaugeMetricFamily

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.upkeep import gauges


def storage_gauges(connection: Connection) -> list[GaugeMetricFamily]:
    """What `andon prune` measured last; nothing of it before the first one."""
    size = GaugeMetricFamily("andon_storage_bytes", "Bytes of datasets and artifacts, as the last prune measured")
    files = GaugeMetricFamily("andon_storage_files", "Files of datasets and artifacts, as the last prune measured")
    room = GaugeMetricFamily("andon_storage_room_bytes", "Bytes that the storage's volume can hold")
    free = GaugeMetricFamily("andon_storage_free_bytes", "Bytes of it that were free at the last prune")
    age = GaugeMetricFamily("andon_maintenance_age_seconds", "Since this last ended well", labels=["name"])
    for name, seconds, space in gauges.maintenance(connection):
        age.add_metric([name], seconds)
        if name == "prune" and space:
            room.add_metric([], space["bytes"])
            free.add_metric([], space["free"])
    if age.samples:
        stored, number = gauges.stored(connection)
        size.add_metric([], stored)
        files.add_metric([], number)
    return [size, files, room, free, age]
