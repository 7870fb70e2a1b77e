"""Draining: nothing starts, what is held ends, and what has waited goes on afterwards."""

from __future__ import annotations

import json

import psycopg

from andon.client import Andon
from tests.integration.cli.conftest import Command
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.system import System

GATED = {"step-1": {"gate": True}}


def request(command: Command, case: str) -> str:
    data = json.dumps({"case": case, "steps": 2, "plan": GATED})
    sent = command("events", "send", "walk/requested", data)
    assert sent.code == 0, sent.err
    return sent.out.strip()


def status(andon: Andon, event: str) -> str | None:
    run = next((each for each in andon.runs.list(event_id=event) if each.kind == "function"), None)
    return run.status if run else None


def test_drained_workers_finish_what_they_hold_and_start_nothing(
    running: System, command: Command, andon: Andon, ledger: Ledger
) -> None:
    held = request(command, "held")
    wait_until(lambda: status(andon, held) == "running", what="the run is held")
    try:
        waiting = command("workers", "drain", "--reason", "new stores", "--timeout", "1s")
        assert (waiting.code, "1 runs are still held" in waiting.err) == (7, True), waiting.err
        [worker] = command("workers", "list", "--json").json
        assert (worker["runs"], worker["step"]) == (1, "step-1")
        doctor = command("doctor")
        assert "has drained the workers (new stores)" in doctor.words

        later = [request(command, f"later-{number}") for number in range(3)]
        cancelled = request(command, "cancelled-meanwhile")
        wait_until(lambda: all(status(andon, each) == "queued" for each in [*later, cancelled]), what="the runs")
        assert command("events", "send", "walk/cancelled", '{"case": "cancelled-meanwhile"}').code == 0
        wait_until(lambda: status(andon, cancelled) == "cancelled", what="a cancel works")

        ledger.open("held")
        done = command("workers", "drain", "--timeout", "30s")
        assert done.code == 0, done.err
        assert status(andon, held) == "completed", "it went on to its end"
        running["worker-1"].stop()
        running["worker-1"].start()
        for number in range(3):
            ledger.open(f"later-{number}")
        assert [status(andon, each) for each in later] == ["queued"] * 3
        with psycopg.connect(running.env["ANDON_DATABASE_URL"]) as database:
            [started] = database.execute(
                "SELECT count(*) FROM andon.runs WHERE status = 'queued' AND started_at IS NOT NULL"
            ).fetchone() or [None]
        assert started == 0
    finally:
        assert command("workers", "resume").code == 0
    wait_until(lambda: all(status(andon, each) == "completed" for each in later), what="what has waited")
    assert command("workers", "resume").code == 4
    actions = [each.action for each in andon.audit.list(target="all")]
    assert actions == ["workers.resumed", "workers.drained", "workers.drained"]
