"""Cleanup runs: after a settling by force they wait for the code, and one that failed goes on where it stopped."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.runs import cleanups
from andon.adapters.postgres.runs.journal import Holding
from andon.adapters.postgres.runs.leases import claim
from andon.adapters.postgres.runs.settle import End, settle_held, settle_void
from andon.adapters.postgres.subjects import subjects
from andon.adapters.postgres.upkeep.doctor import check_system
from andon.engine.ids import new_id

Database = psycopg.Connection[Any]
MADE = """
WITH e AS (INSERT INTO andon.events (tenant, id, name, data, ts)
    VALUES ('default', gen_random_uuid()::text, 'a/b', '{}', now()) RETURNING seq)
INSERT INTO andon.runs (id, tenant, function_id, kind, event_seq, status, fence, lease_until, cancel_requested_at,
    cancel_deadline_at, started_at)
SELECT %s, 'default', 'f', %s, seq, 'cancelling', 7, clock_timestamp() + %s * interval '1 s', now(), now(), now() FROM e
"""
CLEANUP = """
SELECT status, round(extract(epoch FROM wake_at - clock_timestamp()))::int FROM andon.runs WHERE kind = 'on_cancel'
"""


@pytest.fixture
def database(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO andon.functions (id, module, trigger, cancel_on, settings)"
            " VALUES ('f', 'tests', 'a/b', '[]', '{\"on_cancel\": true}')"
        )
        yield connection


def cancelling(database: Database, *, lease: float = 60.0) -> Holding:
    """A cancelled run past its deadline, whose worker has its lease for so long."""
    run = new_id()
    database.execute(MADE, [run, "function", lease])
    return Holding(run, 7)


def test_after_a_settling_by_force_cleanup_waits_under_the_lease_of_the_code(database: Database) -> None:
    run = cancelling(database)
    assert [each.status for each in settle_void(database, [run.run], forced=True)] == ["cancelled"]
    assert database.execute(CLEANUP).fetchall() == [("waiting", 60)]
    cleanups.hold_back(database, [run], 300)
    assert database.execute(CLEANUP).fetchall() == [("waiting", 300)], "the worker says that it goes on"
    cleanups.let_go(database, [run])
    assert database.execute(CLEANUP).fetchall() == [("waiting", 0)], "the worker says that it has ended"


def test_without_a_worker_the_lease_decides(database: Database) -> None:
    settle_void(database, [cancelling(database, lease=-1.0).run], forced=True)
    assert database.execute(CLEANUP).fetchall() == [("queued", None)]


def test_a_run_that_was_not_settled_by_force_waits_for_nothing(database: Database) -> None:
    run = cancelling(database)
    assert settle_held(database, [End(*run, "cancelled")])
    assert database.execute(CLEANUP).fetchall() == [("queued", None)]
    cleanups.hold_back(database, [run], 300)
    assert database.execute(CLEANUP).fetchall() == [("queued", None)]


def test_only_the_holder_that_was_settled_by_force_says_when_the_code_has_ended(database: Database) -> None:
    run = cancelling(database)
    settle_void(database, [run.run], forced=True)
    for fence in (5, 6, 8):
        cleanups.let_go(database, [Holding(run.run, fence)])
    assert database.execute(CLEANUP).fetchall() == [("waiting", 60)]


def test_a_cleanup_that_has_begun_sleeps_as_long_as_it_wants(database: Database) -> None:
    run = cancelling(database)
    settle_void(database, [run.run], forced=True)
    database.execute("UPDATE andon.runs SET started_at = now() WHERE kind = 'on_cancel'")
    cleanups.let_go(database, [run])
    assert database.execute(CLEANUP).fetchall() == [("waiting", 60)]


def failed_cleanup(database: Database) -> uuid.UUID:
    """One with three steps: the first was kept, the second failed, the third was kept all the same."""
    settle_void(database, [cancelling(database, lease=-1.0).run], forced=True)
    [(id,)] = database.execute(
        "UPDATE andon.runs SET status = 'failed', fence = 2, ended_at = now() WHERE kind = 'on_cancel' RETURNING id"
    ).fetchall()
    for position, (name, status) in enumerate([("a", "completed"), ("b", "failed"), ("c", "completed")]):
        database.execute(
            "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, output)"
            " VALUES (%s, %s, %s, %s, 1, 2, now(), '1')",
            [id, name, position, status],
        )
    return id  # type: ignore[no-any-return]


def test_one_that_failed_goes_on_at_the_step_that_failed(database: Database) -> None:
    former = failed_cleanup(database)
    assert cleanups.failed(database) == (1, former)
    for name, step in (("kept.txt", "a"), ("late.txt", "c")):
        database.execute(
            "INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type)"
            " VALUES (%s, %s, %s, 'k', 1, 't/t')",
            [former, name, step],
        )
    made = cleanups.rerun(database, former)
    stored = database.execute("SELECT name, step FROM andon.run_artifacts WHERE run_id = %s", [made]).fetchall()
    assert stored == [("kept.txt", "a")], "those of the steps that it recalls"
    assert made is not None
    assert cleanups.failed(database) == (0, None)
    assert [id for id, _ in hinted.unsent(database)] == [made]
    held = claim(database, made, worker="w", lease=60)
    assert held is not None
    assert (held.id, held.kind, held.fence) == (made, "on_cancel", 3)
    assert [(memo.id, memo.output) for memo in held.memos.values()] == [("a", 1)]
    shown = database.execute("SELECT origin_run_id, origin_step FROM andon.runs WHERE id = %s", [made]).fetchone()
    assert shown == (former, "b")


def test_each_is_run_again_once_and_the_newest_can_be_again(database: Database) -> None:
    former = failed_cleanup(database)
    second = cleanups.rerun(database, former)
    assert second is not None
    assert cleanups.rerun(database, former) is None
    assert cleanups.rerun(database, second) is None, "it has not ended"
    database.execute("UPDATE andon.runs SET status = 'failed' WHERE id = %s", [second])
    assert cleanups.failed(database) == (1, second)
    assert cleanups.rerun(database, second) is not None


def test_a_functions_own_run_is_no_cleanup(database: Database) -> None:
    assert cleanups.rerun(database, cancelling(database).run) is None


def test_the_doctor_names_the_newest_that_failed(database: Database) -> None:
    former = failed_cleanup(database)
    [check] = [each for each in check_system(database) if each.name == "cleanups"]
    assert f"1 have failed, and were not run again; the newest: {former}" == check.found
    assert f"andon runs show {former}" in str(check.remedy)
    cleanups.rerun(database, former)
    [check] = [each for each in check_system(database) if each.name == "cleanups"]
    assert (check.found, check.remedy) == ("none has failed", None)


def test_the_next_run_of_a_subject_waits_for_that_code_too(database: Database) -> None:
    run, subject, following = cancelling(database), new_id(), new_id()
    database.execute("UPDATE andon.runs SET subject_id = %s WHERE id = %s", [subject, run.run])
    database.execute(
        "INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, door)"
        " VALUES (%s, 'default', 'g', 1, %s, %s)",
        [following, subject, subject],
    )
    assert not subjects.open_doors(database)
    settle_void(database, [run.run], forced=True)
    assert [each.held for each in subjects.former_runs(database, [subject])] == [True, False]
    assert not subjects.open_doors(database)
    cleanups.hold_back(database, [run], 300)
    assert not subjects.open_doors(database)
    cleanups.let_go(database, [run])
    assert subjects.open_doors(database)
    assert [each.id for each in subjects.former_runs(database, [subject])] == [following]
