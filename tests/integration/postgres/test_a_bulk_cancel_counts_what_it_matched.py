"""What a bulk cancel says it has matched: runs that were open, and runs that were made only afterwards."""

from __future__ import annotations

import psycopg

from andon import function
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.events.inbox import accept, event_of
from andon.adapters.postgres.events.own_events import WideCancel
from andon.engine.declared.functions import Registry
from andon.engine.events import RUNS_CANCELLED
from andon_worker.dispatcher.batches.batch import record_batch

walk = function(id="walk", trigger="walk/requested")(lambda event, step: None)


def test_a_run_that_is_made_as_cancelled_is_counted_and_once(database_url: str) -> None:
    registry = Registry()
    registry.add(walk)
    asked = [event_of("walk/requested", {"n": n}, tenant="default", user=None) for n in range(4)]
    bulk = event_of(RUNS_CANCELLED, {"functionId": "walk"}, tenant="default", user=None)
    with psycopg.connect(database_url, autocommit=True) as connection:
        before, first, second, cancel, after = accept(connection, [*asked[:3], bulk, asked[3]])
        record_batch(connection, registry, [before], ["1-0"])
        wide.store(connection, cancel, WideCancel("walk"))
        record_batch(connection, registry, [first, after], ["1-1", "1-4"])
        while wide.sweep(connection):
            pass
        record_batch(connection, registry, [second], ["1-2"])
        counted = connection.execute("SELECT status, matched FROM andon.wide_cancellations").fetchall()
        runs = connection.execute("SELECT status FROM andon.runs ORDER BY event_seq").fetchall()
    assert counted == [("done", 3)]
    assert [status for (status,) in runs] == ["cancelled", "cancelled", "cancelled", "queued"]
