"""What `settle_held` leaves of the step that a run was in."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from andon.adapters.postgres.events.inbox import record
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.engine.events import Event
from andon.engine.ids import new_id


@pytest.mark.parametrize(
    ("asked", "cancelled", "kept"),
    [("completed", False, None), ("completed", True, "compute"), ("failed", False, "compute")],
)
def test_only_a_run_that_completed_forgets_its_step(
    database_url: str, asked: str, cancelled: bool, kept: str | None
) -> None:
    run_id = new_id()
    with psycopg.connect(database_url, autocommit=True) as connection:
        [event] = record(connection, [Event("a/b", id="x")])
        connection.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, fence, started_at, current_step,"
            " step_started_at, cancel_requested_at) VALUES (%s, 'default', 'f', %s, 'running', 1, now(), 'compute',"
            " now(), CASE WHEN %s THEN now() END)",
            [run_id, event.seq, cancelled],
        )
        assert settle_held(connection, [End(run_id, 1, asked)])
        found: Any = connection.execute("SELECT current_step FROM andon.runs WHERE id = %s", [run_id]).fetchone()
    assert found == (kept,)
