"""No default limit cuts a long run: with every limit shortened, it outlasts them all."""

from __future__ import annotations

import httpx
import psycopg

from tests.conftest import StartSystem
from tests.support.polling import wait_until


def test_a_run_outlasts_lease_heartbeat_and_poll_intervals_many_times_over(
    system: StartSystem, database_url: str
) -> None:
    started = system(
        functions=["tests.integration.engine.long_functions"],
        env={"ANDON_LEASE_SECONDS": "1.5", "ANDON_HEARTBEAT_SECONDS": "0.3"},
    )
    httpx.post(
        f"{started.url}/api/v1/events", json={"name": "test/long.requested", "data": {"seconds": 6}}, trust_env=False
    ).raise_for_status()
    with psycopg.connect(database_url, autocommit=True) as database:

        def row() -> tuple[str, int, int, object] | None:
            query = "SELECT status, attempt, fence, output FROM andon.runs WHERE function_id = 'long'"
            return database.execute(query).fetchone()

        def ended() -> bool:
            found = row()
            return found is not None and found[0] in {"completed", "failed", "cancelled"}

        wait_until(ended, 90, what="the long run has ended")
        # Claimed twice: at its start, and after its sleep. Nobody else has claimed it meanwhile.
        assert row() == ("completed", 1, 2, {"slept": True, "worked": 6})
