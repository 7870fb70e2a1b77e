"""An attempt that did not do it leaves a row, in the statement that says what follows; one that did leaves none."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from andon.adapters.postgres.events.inbox import record
from andon.adapters.postgres.runs import journal, leases, settle
from andon.adapters.postgres.runs.attempts import Attempted
from andon.adapters.postgres.runs.journal import Holding, Result
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon.engine.ports import Attempt
from andon_worker.dispatcher.duties.ending import reclaim

ERROR = {"type": "ValueError", "message": "no"}


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def held(database: psycopg.Connection[Any]) -> Holding:
    """A run that worker w holds."""
    run_id = new_id()
    [event] = record(database, [Event("a/b", id="x")])
    database.execute(
        "INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, fence, attempt, worker_id, started_at,"
        " lease_until) VALUES (%s, 'default', 'f', %s, 'running', 4, 1, 'w', now(), now())",
        [run_id, event.seq],
    )
    return Holding(run_id, 4)


def attempts(database: psycopg.Connection[Any], run: uuid.UUID) -> list[tuple[Any, ...]]:
    return database.execute(
        "SELECT step, attempt, status, worker_id, error->>'message', round(extract(epoch FROM ended_at - started_at))"
        " FROM andon.attempts WHERE run_id = %s ORDER BY id",
        [run],
    ).fetchall()


def test_a_step_that_succeeds_at_once_leaves_its_memo_alone(database: psycopg.Connection[Any], held: Holding) -> None:
    assert journal.keep(database, [Result(*held, Attempt("a", 0), 0.1, "1")]) == {held}
    assert attempts(database, held.run) == []
    assert database.execute("SELECT worker_id FROM andon.steps").fetchall() == [("w",)]


def test_a_failed_attempt_is_kept_once_however_often_it_is_written(
    database: psycopg.Connection[Any], held: Holding
) -> None:
    for _ in range(2):
        assert journal.keep_failure(database, held, Attempt("a", 0), 2.0, ERROR, final=False)
    assert journal.keep_failure(database, held, Attempt("a", 0, 2), 3.0, ERROR, final=True)
    assert attempts(database, held.run) == [("a", 1, "failed", "w", "no", 2), ("a", 2, "failed", "w", "no", 3)]


def test_a_former_holder_keeps_nothing(database: psycopg.Connection[Any], held: Holding) -> None:
    former = Holding(held.run, 3)
    assert not journal.keep_failure(database, former, Attempt("a", 0), 2.0, ERROR, final=False)
    assert not leases.suspend(database, *former, attempted=Attempted("a", 1, "handed over", 1.0))
    assert attempts(database, held.run) == []


def test_a_step_whose_transaction_was_committed_after_all_has_not_failed(
    database: psycopg.Connection[Any], held: Holding
) -> None:
    assert journal.keep(database, [Result(*held, Attempt("a", 0), 0.1, "7")]) == {held}
    assert journal.keep_failure(database, held, Attempt("a", 0), 2.0, ERROR, final=True) == "completed"
    assert database.execute("SELECT status, output FROM andon.steps").fetchall() == [("completed", 7)]
    assert attempts(database, held.run) == []


def test_what_a_hand_over_cuts_short_is_kept(database: psycopg.Connection[Any], held: Holding) -> None:
    assert leases.suspend(database, *held, attempted=Attempted("a", 2, "handed over", 5.0))
    assert attempts(database, held.run) == [("a", 2, "handed over", "w", None, 5)]


def test_the_handlers_own_failure_is_kept(database: psycopg.Connection[Any], held: Holding) -> None:
    assert leases.suspend(database, *held, seconds=1, failed=ERROR, attempted=Attempted(None, 1, "failed", 1.0))
    assert attempts(database, held.run) == [(None, 1, "failed", "w", "no", 1)]


def test_a_run_that_waits_for_nothing_that_failed_leaves_none(database: psycopg.Connection[Any], held: Holding) -> None:
    assert leases.suspend(database, *held, seconds=1)
    assert attempts(database, held.run) == []


@pytest.mark.parametrize(("status", "told"), [("retrying", ("a", 2)), ("completed", (None, 1)), (None, ("a", 1))])
def test_a_lost_worker_leaves_the_step_that_it_was_in(
    database: psycopg.Connection[Any], held: Holding, status: str | None, told: tuple[str | None, int]
) -> None:
    if status is not None:
        database.execute(
            "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at)"
            " VALUES (%s, 'a', 0, %s, 1, 4, now())",
            [held.run, status],
        )
    assert leases.enter(database, *held, "a")
    reclaim(database, 3)
    [row] = attempts(database, held.run)
    assert (row[:2], row[2:4]) == (told, ("lost", "w"))
    assert database.execute("SELECT status, lost FROM andon.runs").fetchall() == [("queued", 1)]


def test_a_run_that_has_lost_too_many_names_the_step(database: psycopg.Connection[Any], held: Holding) -> None:
    assert leases.enter(database, *held, "a")
    database.execute("UPDATE andon.runs SET lost = 2, lost_step = ''")
    [settled] = reclaim(database, 3)
    [(error, step)] = database.execute("SELECT error, current_step FROM andon.runs").fetchall()
    assert (settled.status, step, error["step"]) == ("failed", "a", "a")
    assert error["message"] == "3 workers were lost while executing this run in step 'a'"


def test_a_run_ends_in_the_step_that_its_worker_says(database: psycopg.Connection[Any], held: Holding) -> None:
    assert settle.settle_held(database, [settle.End(*held, "cancelled", step="b", seconds=2.0)])
    with database.cursor(row_factory=dict_row) as cursor:
        [row] = cursor.execute("SELECT current_step, ended_at - step_started_at AS took FROM andon.runs").fetchall()
    assert (row["current_step"], round(row["took"].total_seconds())) == ("b", 2)


def test_attempts_go_with_their_run(database: psycopg.Connection[Any], held: Holding) -> None:
    journal.keep_failure(database, held, Attempt("a", 0), 2.0, ERROR, final=True)
    settle.settle_held(database, [settle.End(*held, "failed", error=json.dumps(ERROR))])
    database.execute("DELETE FROM andon.runs WHERE id = %s", [held.run])
    assert attempts(database, held.run) == []
