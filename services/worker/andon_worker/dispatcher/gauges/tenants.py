"""What the largest tenants use. A label that has no bound is shown for ten of them, and looked at twice a minute."""

import time

from prometheus_client.core import GaugeMetricFamily
from redis import Redis

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.usage import Usage, usage
from andon.adapters.redis.refusals import NAMES, refusals_of_the_hour
from andon_worker.metrics import family

LARGEST = 10
EVERY_SECONDS = 30.0


class TenantGauges:
    """Remembers what it saw, since a look costs what there are open runs."""

    def __init__(self) -> None:
        self._seen: list[Usage] = []
        self._refused: dict[tuple[str, str], int] = {}
        self._at = self._refused_at = float("-inf")

    def of_postgres(self, connection: Connection) -> list[GaugeMetricFamily]:
        """Runs, the queue's age and storage of the ten largest."""
        if time.monotonic() - self._at >= EVERY_SECONDS:
            self._seen, self._at = usage(connection), time.monotonic()
        runs = family("andon_tenant_runs", "Runs of the ten largest tenants that have not ended", "tenant", "status")
        age = family("andon_tenant_queue_age_seconds", "Age of the tenant's oldest run that has not started", "tenant")
        stored = family("andon_tenant_storage_bytes", "Bytes that the tenant has stored", "tenant")
        for each in self._seen[:LARGEST]:
            age.add_metric([each.tenant], each.queue_age)
            for status, count in each.open_runs.items():
                runs.add_metric([each.tenant, status], count)
        for each in sorted(self._seen, key=lambda each: each.bytes, reverse=True)[:LARGEST]:
            if each.bytes:
                stored.add_metric([each.tenant], each.bytes)
        return [runs, age, stored]

    def of_redis(self, redis: Redis) -> list[GaugeMetricFamily]:
        """Refusals of the ten tenants that have most."""
        if time.monotonic() - self._refused_at >= EVERY_SECONDS:
            self._refused, self._refused_at = refusals_of_the_hour(redis), time.monotonic()
        refused = family(
            "andon_tenant_refusals", "Refused since the hour began, of the ten with most", "tenant", "reason"
        )
        sums: dict[str, int] = {}
        for (tenant, _), count in self._refused.items():
            sums[tenant] = sums.get(tenant, 0) + count
        for tenant in sorted(sums, key=lambda each: sums[each], reverse=True)[:LARGEST]:
            for name in NAMES.values():
                refused.add_metric([tenant, name], self._refused.get((tenant, name), 0))
        return [refused]
