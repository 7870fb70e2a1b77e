"""What a lane says of its run is written, and how it ends: each decision of the supervisor, without a process."""

from __future__ import annotations

import signal
import uuid
from dataclasses import replace
from typing import Any

import pytest

from andon import Event
from andon.adapters.postgres.database import Database
from andon.engine.ids import new_id
from andon.engine.steps.sending import as_text
from andon_worker.supervisor.output.lines import Line
from andon_worker.supervisor.output.logbook import Logbook, Said
from tests.support.polling import PATIENCE, wait_until
from tests.support.supervised import Supervised


def test_a_steps_result_is_kept_before_the_lane_hears_of_it(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    assert (lane.run["say"], lane.run["run"], lane.run["memos"]) == ("run", str(run.id), [])
    assert lane.keep('{"rows": 3}') == {"kept": True}
    [step] = supervised.db.execute("SELECT id, status, output FROM andon.steps WHERE run_id = %s", [run.id]).fetchall()
    assert step == ("s", "completed", {"rows": 3})


def test_a_run_ends_with_what_its_code_returned_and_its_lane_serves_the_next_of_its_function(
    supervised: Supervised,
) -> None:
    run, lane = supervised.begin()
    lane.end("completed", "7")
    supervised.wait_for(run, "completed")
    assert supervised.row(run, "output", "progress") == (7, 1.0)
    _, again = supervised.begin()
    assert again is lane
    _, other = supervised.begin(function_id="other")
    assert other is not lane


def test_a_run_that_failed_keeps_its_error_and_that_is_told(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    lane.end("failed", error={"type": "ValueError", "message": "no"})
    supervised.wait_for(run, "failed")
    assert supervised.row(run, "error") == ({"type": "ValueError", "message": "no"},)
    told = wait_until(lambda: supervised.redis.xrange("andon:events"))
    assert told[-1][1][b"name"] == b"andon/function.failed"


@pytest.mark.parametrize(("state", "becomes"), [("22P05", "failed"), ("23503", "running")])
def test_what_the_database_refuses_of_an_end_fails_the_run_only_where_that_is_its_result(
    supervised: Supervised, state: str, becomes: str
) -> None:
    run, lane = supervised.begin()
    supervised.db.execute(
        f"""CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'refused for the test' USING ERRCODE = '{state}'; END $$""".encode()
    )
    supervised.db.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON andon.events FOR EACH ROW"
        " WHEN (NEW.name = 'andon/function.completed') EXECUTE FUNCTION public.refuse()"
    )
    lane.end("completed", "7")
    wait_until(lambda: run.id in supervised.done)
    due = supervised.db.execute("SELECT lease_until <= clock_timestamp() FROM andon.runs").fetchone()
    assert (supervised.row(run, "status"), due == (True,)) == ((becomes,), becomes == "running"), "to be run again"


def test_a_run_that_sleeps_gives_its_lane_back(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    lane.end("suspended", seconds=3600, wake_at=None, failed=None)
    supervised.wait_for(run, "waiting")
    assert supervised.begin()[1] is lane


def test_a_result_of_a_run_that_another_worker_holds_is_not_kept_and_its_lane_is_ended(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    supervised.db.execute("UPDATE andon.runs SET fence = fence + 1, worker_id = 'other' WHERE id = %s", [run.id])
    lane.say("complete", b"1", **lane.begin(), seconds=0.1, files=[])  # what it is answered, it may not live to hear
    assert lane.process.wait(PATIENCE) == -signal.SIGKILL
    wait_until(lambda: run.id in supervised.done)
    assert supervised.row(run, "status", "worker_id") == ("running", "other")
    assert supervised.db.execute("SELECT FROM andon.steps").fetchall() == []


def test_a_lane_that_dies_has_its_step_tried_again(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    lane.begin("page", retries=3)
    wait_until(lambda: run.underway)
    lane.process.kill()
    supervised.wait_for(run, "waiting")
    [(step, status, error)] = supervised.db.execute("SELECT id, status, error->>'message' FROM andon.steps").fetchall()
    assert (step, status) == ("page", "retrying")
    assert error.startswith("The process of step 'page' died by signal SIGKILL")


def test_what_is_no_frame_ends_the_run_that_said_it_and_no_other(supervised: Supervised) -> None:
    other, others = supervised.begin(function_id="other")
    run, lane = supervised.begin()
    lane.begin("s")
    lane.talk.sendall(b"\xff" * 64)
    wait_until(lambda: run.id in supervised.done)
    [error] = supervised.db.execute(
        "SELECT error->>'message' FROM andon.steps WHERE run_id = %s", [run.id]
    ).fetchone() or [""]
    assert "broke the conversation with its worker" in error
    others.end("completed", "1")
    supervised.wait_for(other, "completed")


def test_what_a_run_prints_is_kept_by_the_step_that_printed_it(supervised: Supervised) -> None:
    run, lane = supervised.begin()
    step = lane.begin("loud")
    wait_until(lambda: run.underway)
    lane.print("hello\n")
    lane.ask("complete", b"1", **step, seconds=0.1, files=[])
    lane.end("completed", "1")
    supervised.wait_for(run, "completed")
    [(lines,)] = wait_until(lambda: supervised.db.execute("SELECT lines FROM andon.run_logs").fetchall())
    assert [(each["step"], each["attempt"], each["text"]) for each in lines] == [("loud", 1, "hello")]


def test_who_says_more_than_can_be_kept_loses_lines_of_its_own_and_nobody_elses(database_url: str) -> None:
    kept = set[uuid.UUID]()
    database = Database(database_url, name="test")
    logbook = Logbook(database, kept.update)

    def say(tenant: str) -> uuid.UUID:
        run = new_id()
        logbook.keep(Said(run, "s", 1, {"tenant": tenant}, [Line(1.0, "stdout", "x")] * 1_000))
        return run

    much = [say("acme") for _ in range(40)]
    little = [say(tenant) for tenant in ("beta", "gamma") for _ in range(5)]
    much += [say("acme") for _ in range(40)]
    logbook.start()
    logbook.close()
    logbook.join()
    database.close()
    assert kept.issuperset(little)
    assert 0 < len(kept.intersection(much)) < 30


def test_what_would_start_more_runs_than_may_wait_is_sent_later_and_a_cancel_at_once(supervised: Supervised) -> None:
    def send(name: str, *events: Event) -> dict[str, Any]:
        said = {"attempt": {"name": name, "position": 0}, "output": "[]"}
        return lane.ask("send", as_text([replace(each, id=str(new_id())) for each in events]).encode(), **said)

    _, lane = supervised.begin()
    supervised.room.most = 3
    assert send("first", *[Event("other/asked")] * 3) == {"kept": True}
    assert send("second", Event("other/asked")) == {"kept": False, "full": 3}
    assert send("third", Event("work/stop"), Event("starts/nothing")) == {"kept": True}
    names = supervised.db.execute("SELECT name FROM andon.events WHERE name <> 'work/asked' ORDER BY seq").fetchall()
    assert [name for (name,) in names] == [*["other/asked"] * 3, "work/stop", "starts/nothing"]


@pytest.mark.parametrize("large", ["events", "a result", "an end"])
def test_nobody_who_has_little_to_write_waits_for_what_is_large(supervised: Supervised, large: str) -> None:
    def hold_up(table: str, column: str) -> None:
        supervised.db.execute(
            f"CREATE TRIGGER hold_up BEFORE INSERT OR UPDATE ON andon.{table} FOR EACH ROW"
            f" WHEN (NEW.{column}::text LIKE '%xxx%') EXECUTE FUNCTION public.hold_up()".encode()
        )

    supervised.db.execute(
        "CREATE FUNCTION public.hold_up() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END'"
    )
    for place in (("events", "data"), ("steps", "output"), ("runs", "output")):
        hold_up(*place)
    (run, lane), (other, others) = supervised.begin(), supervised.begin()
    supervised.db.execute("SELECT pg_advisory_lock(1)")
    text = "x" * 10_000
    if large == "events":
        attempt = {"attempt": {"name": "send", "position": 0}, "output": "[]"}
        lane.say("send", as_text([Event("starts/nothing", {"text": text}, id=str(new_id()))]).encode(), **attempt)
    elif large == "a result":
        lane.say("complete", f'"{text}"'.encode(), **lane.begin(), seconds=0.1, files=[])
    else:
        lane.end("completed", f'"{text}"')
    waiting = (
        "SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE datname = current_database() AND NOT granted"
    )
    wait_until(lambda: supervised.db.execute(waiting).fetchone() is not None, what="it is being written")
    assert others.keep("1") == {"kept": True}
    others.end("completed", "2")
    supervised.wait_for(other, "completed")
    supervised.db.execute("SELECT pg_advisory_unlock(1)")
    if large == "an end":
        supervised.wait_for(run, "completed")
    else:
        assert lane.hear() == {"kept": True}
