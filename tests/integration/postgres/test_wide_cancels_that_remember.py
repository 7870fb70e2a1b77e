"""A rule without a field that remembers stops stragglers also when their run was made before the cancel was handled."""

from __future__ import annotations

import datetime as dt

import pytest

from andon import CancelOn, Event, Step, function
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.events import inbox
from andon.engine.declared.functions import Registry
from andon_worker.dispatcher.batches.batch import record_batch


@pytest.mark.parametrize(("remember", "status"), [(dt.timedelta(minutes=5), "cancelled"), (None, "queued")])
def test_a_straggler_is_stopped_for_as_long_as_the_rule_remembers(
    database_url: str, remember: dt.timedelta | None, status: str
) -> None:
    @function(id="greet", trigger="mail/sent", cancel_on=[CancelOn.every_run("account/closed", remember=remember)])
    def greet(event: Event, step: Step) -> None:
        """Its runs are made here, and never executed."""

    registry = Registry([greet])
    with connect(database_url, name="test") as connection:
        cancel, request = inbox.accept(connection, [Event("account/closed"), Event("mail/sent")])
        assert cancel.seq < request.seq
        for event in (request, cancel):
            with connection.transaction():
                record_batch(connection, registry, [event], [None])
        with connection.transaction():
            assert wide.sweep(connection) is not None
        assert connection.execute("SELECT status FROM andon.runs WHERE kind = 'function'").fetchall() == [(status,)]
