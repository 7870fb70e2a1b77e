"""Results: short ones are shown with their run, long ones by themselves, however many there are."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.integration.api.conftest import Client, MakeRun, move

API = "/api/v1"
LONG = "x" * 1_000_000
STEPS = 40


@pytest.fixture
def run(client: Client, report: dict[str, Any], make_run: MakeRun, database: psycopg.Connection[Any]) -> UUID:
    """A run of 40 long results and a short one."""
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    add_steps(database, run_id, [(f"long/{number}", LONG) for number in range(STEPS)])
    add_steps(database, run_id, [("short", {"rows": 3}), ("nothing", None)], at=STEPS)
    database.execute(
        "UPDATE andon.runs SET status = 'completed', started_at = queued_at, ended_at = now(), output = %s"
        " WHERE id = %s",
        [json.dumps(LONG), run_id],
    )
    move(database, report["id"], "completed")
    return run_id


def add_steps(database: psycopg.Connection[Any], run_id: UUID, results: list[tuple[str, Any]], *, at: int = 0) -> None:
    with database.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at, output)"
            " VALUES (%s, %s, %s, 'completed', 1, 1, now(), now(), %s)",
            [(run_id, name, at + place, json.dumps(result)) for place, (name, result) in enumerate(results)],
        )


def test_a_run_with_long_results_is_shown_in_few_bytes(client: Client, report: dict[str, Any], run: UUID) -> None:
    stream = f"{API}/reports/{report['id']}/stream"
    for path in (f"/runs/{run}", f"/reports/{report['id']}", "/reports", "/runs"):
        answer = client.get(f"{API}{path}")
        assert answer.status_code == 200
        assert len(answer.data) < 50_000, path
    for path in (stream, f"{API}/runs/{run}/stream"):
        assert len(client.get(path).data) < 50_000, path
    assert client.get(f"/runs/{run}").status_code == 200


def test_a_short_result_is_shown_with_its_step_and_a_long_one_where_it_says(client: Client, run: UUID) -> None:
    shown = client.get(f"{API}/runs/{run}").json
    steps = {each["id"]: each for each in shown["steps"]}
    assert steps["short"]["output"] == {"rows": 3}
    assert (steps["long/7"]["output"], shown["output"]) == (None, None)
    assert client.get(steps["long/7"]["outputUrl"]).json["output"] == LONG
    assert client.get(shown["outputUrl"]).json["output"] == LONG
    assert client.get(steps["nothing"]["outputUrl"]).json["output"] is None


def test_what_has_no_result_has_no_place_of_one(
    client: Client, report: dict[str, Any], make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    shown = client.get(f"{API}/runs/{run_id}").json
    assert (shown["output"], shown["outputUrl"], shown["steps"], shown["stepCount"]) == (None, None, [], 0)


def test_of_very_many_steps_the_newest_are_shown_and_all_can_be_paged_through(
    client: Client, run: UUID, database: psycopg.Connection[Any]
) -> None:
    add_steps(database, run, [(f"more-{number}", number) for number in range(600)], at=100)
    shown = client.get(f"{API}/runs/{run}").json
    assert shown["stepCount"] == 600 + STEPS + 2
    assert [each["id"] for each in shown["steps"]] == [f"more-{number}" for number in range(100, 600)]
    assert f"the newest 500 of {shown['stepCount']} steps" in client.get(f"/runs/{run}").text
    names, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{API}/runs/{run}/steps?limit=200{cursor and f'&cursor={cursor}'}").json
        names += [each["id"] for each in page["items"]]
        cursor = page["nextCursor"]
    assert len(names) == shown["stepCount"]
    assert names[:2] == ["long/0", "long/1"]


@pytest.mark.parametrize("path", ["steps", "steps/x", "steps/%00", "output"])
def test_results_of_what_is_not_there_are_not_found(client: Client, path: str) -> None:
    for id in ("nonsense", "00000000-0000-7000-8000-000000000000"):
        assert client.get(f"{API}/runs/{id}/{path}").status_code == 404
