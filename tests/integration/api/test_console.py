"""The console's pages and forms, as a browser would ask for them."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from markupsafe import escape

from andon import CancelOn, function, unserved
from andon.adapters.cel import check_expression
from andon.adapters.postgres import workers
from andon.adapters.postgres.registered import functions
from andon.client.causes import CAUSES
from andon.engine.declared.functions import Registry
from andon.engine.ids import new_id
from andon.settings import Settings
from andon_api.console import home
from tests.integration.api.conftest import CSV, Client, MakeApp, MakeRun, move
from tests.support.polling import wait_until

HTMX = {"HX-Request": "true"}


def menu(page: str) -> list[str]:
    """The addresses in a page's menu."""
    return re.findall('href="([^"]+)"', page.partition('<nav aria-label="Main">')[2].partition("</nav>")[0])


@pytest.mark.parametrize(
    "path", ["/", "/reports", "/runs", "/events", "/dead-events", "/functions", "/audit", "/usage", "/docs"]
)
def test_every_page_is_served_and_names_no_other_host(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert " style=" not in answer.text


def test_pages_forbid_what_is_not_ours(client: Client) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_a_card_offers_cancel_only_while_generating(client: Client, report: dict[str, Any]) -> None:
    idle = client.get("/reports").text
    assert 'data-testid="generate"' in idle
    assert 'data-testid="cancel"' not in idle
    answer = client.post(f"/reports/{report['id']}/generate", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (200, "changed")
    generating = client.get("/reports").text
    assert 'data-testid="generate"' not in generating
    assert 'data-testid="cancel"' in generating
    client.post(f"/reports/{report['id']}/cancel", data={"reason": "no need"}, headers=HTMX)
    assert "Cancelling..." in client.get("/reports").text


def test_an_error_is_a_fragment_for_the_card(client: Client, report: dict[str, Any]) -> None:
    answer = client.post(f"/reports/{report['id']}/cancel", headers=HTMX)
    assert answer.status_code == 409
    assert "Report is not currently generating" in answer.text
    assert "<html" not in answer.text


def test_one_form_uploads_makes_and_generates(client: Client) -> None:
    form = {"title": "Sales", "file": (io.BytesIO(CSV), "sales.csv"), "resamples": "50", "generate": "1"}
    answer = client.post("/reports", data=form, headers=HTMX)
    assert answer.status_code == 200, answer.text
    [made] = client.get("/api/v1/reports").json["items"]
    assert answer.headers["HX-Redirect"] == f"/reports/{made['id']}"
    assert (made["status"], made["options"]) == ("generating", {"resamples": 50})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": " "}, "Title: "),
        ({"dataset_id": ""}, "choose a dataset"),
        ({"resamples": "many"}, "Resamples: expected a whole number"),
        ({"resamples": "-1"}, "Resamples: "),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_makes_nothing(
    client: Client, dataset: dict[str, Any], change: dict[str, str], said: str
) -> None:
    form = {"title": "Sales", "dataset_id": dataset["id"], **change}
    answer = client.post("/reports", data=form, headers=HTMX)
    assert answer.status_code == 422
    assert said in answer.text
    assert client.get("/api/v1/reports").json["items"] == []


def test_titles_are_escaped(client: Client) -> None:
    client.post("/api/v1/reports", json={"title": "<script>alert(1)</script>"})
    assert "<script>alert" not in client.get("/reports").text


def test_a_cancelled_report_tells_who_why_and_when(client: Client, report: dict[str, Any], make_run: MakeRun) -> None:
    asked = client.post(f"/api/v1/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    client.post(f"/api/v1/reports/{report['id']}/cancel", json={"reason": "the wrong file"})
    for path in (f"/reports/{report['id']}", f"/runs/{run_id}"):
        text = client.get(path).text
        for part in ("Asked by", "anonymous", "the wrong file", "Code stopped", "Settled"):
            assert part in text


def test_a_failed_run_shows_its_steps_and_traceback(
    client: Client, report: dict[str, Any], make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    asked = client.post(f"/api/v1/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    database.execute(
        "UPDATE andon.runs SET status = 'failed', started_at = queued_at, ended_at = now(),"
        ' error = \'{"type": "ValueError", "message": "broken", "traceback": "Traceback ..."}\' WHERE id = %s',
        [run_id],
    )
    move(database, report["id"], "failed", "broken")
    database.execute(
        "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at, error)"
        " VALUES (%s, 'compute', 0, 'failed', 3, 1, now(), now(), '{\"message\": \"broken\"}')",
        [run_id],
    )
    text = client.get(f"/reports/{report['id']}").text
    for part in ("ValueError", "Traceback ...", "compute", "attempt 3"):
        assert part in text
    assert "broken" in client.get("/reports").text
    assert f'data-copy="{run_id}"' in client.get(f"/runs/{run_id}").text


def test_a_run_that_waits_to_try_a_step_again_says_first_what_failed(
    client: Client, report: dict[str, Any], make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    asked = client.post(f"/api/v1/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    database.execute(
        "UPDATE andon.runs SET status = 'waiting', started_at = now(), wake_at = now() WHERE id = %s", [run_id]
    )
    database.execute(
        "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at, error)"
        ' VALUES (%s, \'knock\', 0, \'retrying\', 7, 1, now(), now(), \'{"type": "OSError", "message": "away"}\')',
        [run_id],
    )
    text = client.get(f"/runs/{run_id}").text
    assert text.index("Failed, and is tried again") < text.index("after 7 attempts") < text.index("Timeline")
    assert text.index("away") < text.index("Timeline")
    assert "Next try" in text
    database.execute("UPDATE andon.runs SET status = 'cancelled', ended_at = now() WHERE id = %s", [run_id])
    assert "is tried again" not in client.get(f"/runs/{run_id}").text


def test_a_cancel_that_nobody_asked_for_tells_its_cause(
    client: Client, make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    client.post("/api/v1/events", json={"name": "a/b", "id": "x", "data": {}})
    run_id = make_run("x", function_id="f")
    mark = "UPDATE andon.runs SET status = 'cancelled', cancel_requested_at = now(), cancel_cause = %s WHERE id = %s"
    for cause, words in (*CAUSES.items(), ("of a newer release", "of a newer release")):
        database.execute(mark, [cause, run_id])
        text = client.get(f"/runs/{run_id}").text
        assert f"<dt>Cause</dt><dd>{words}</dd>" in text
        assert "none given" not in text


def test_a_run_that_was_settled_by_force_says_so(
    client: Client, make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    client.post("/api/v1/events", json={"name": "a/b", "id": "x", "data": {}})
    run_id = make_run("x", function_id="f")
    client.post(f"/api/v1/runs/{run_id}/cancel")
    database.execute(
        "UPDATE andon.runs SET status = 'cancelled', forced = true, ended_at = now() WHERE id = %s", [run_id]
    )
    assert "Its code did not stop before the deadline" in client.get(f"/runs/{run_id}").text


def test_the_form_for_events_sends_one(client: Client) -> None:
    form = {"name": "a/b", "data": '{"n": 1}', "id": "x"}
    assert client.post("/events", data=form, headers=HTMX).headers["HX-Redirect"] == "/events/x"
    assert client.get("/api/v1/events/x").json["data"] == {"n": 1}
    wrong = client.post("/events", data={"name": "a/b", "data": "{"}, headers=HTMX)
    assert (wrong.status_code, "expected JSON" in wrong.text) == (422, True)


def test_dead_events_show_their_bytes_and_the_reason(client: Client, database: psycopg.Connection[Any]) -> None:
    database.execute(
        "INSERT INTO andon.dead_events (stream_id, tenant, fields, reason)"
        " VALUES ('1-0', 'default', '[[\"bmFtZQ==\", \"/w==\"]]', 'name: expected UTF-8 text')"
    )
    text = client.get("/dead-events").text
    assert "name: expected UTF-8 text" in text
    assert r"\xff" in text
    assert client.get("/api/v1/dead-events").json["items"][0]["streamId"] == "1-0"


def test_a_page_that_is_not_there_says_so(client: Client) -> None:
    for path in ("/reports/nonsense", "/runs/nonsense", "/events/nothing"):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (404, "text/html")
    nowhere = client.get(
        "/no/such/page", headers={"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    )
    assert (nowhere.status_code, nowhere.mimetype, "Page not found" in nowhere.text) == (404, "text/html", True)
    assert menu(nowhere.text) == menu(client.get("/runs").text)
    for path, accept in [("/no/such/page", "*/*"), ("/api/v1/nothing", "text/html")]:
        assert client.get(path, headers={"Accept": accept}).mimetype == "application/problem+json"


def test_a_tab_sees_what_it_did_at_once_though_looks_are_shared(client: Client, report: dict[str, Any]) -> None:
    assert 'data-status="idle"' in client.get("/reports", headers=HTMX).text
    client.post(f"/reports/{report['id']}/generate", headers=HTMX)
    assert 'data-status="generating"' in client.get("/reports", headers=HTMX).text


def test_a_shared_rendering_grows_old_however_often_it_is_looked_at(
    client: Client, report: dict[str, Any], database: psycopg.Connection[Any]
) -> None:
    assert "Sales" in client.get("/reports", headers=HTMX).text
    database.execute("UPDATE andon.reports SET title = 'Renamed' WHERE id = %s", [report["id"]])
    wait_until(lambda: "Renamed" in client.get("/reports", headers=HTMX).text, what="the new title")


def test_the_first_page_tells_what_runs_waits_and_has_failed_and_who_works(
    client: Client, make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    assert "No worker is there" in client.get("/").text
    workers.seen(database, workers.Present("host:1:abc", 8, 3, "0.1.0", "blue", ["default"], 2))
    assert "not heard of" not in client.get("/").text
    database.execute("UPDATE andon.workers SET seen_at = seen_at - interval '40 s'")
    assert "not heard of for 4" in client.get("/").text
    for id in ("goes", "waits", "sleeps", "failed"):
        client.post("/api/v1/events", json={"name": "a/b", "id": id, "data": {"orderId": f"order-{id}"}})
    made = {id: make_run(id, function_id="f") for id in ("goes", "waits", "sleeps", "failed")}
    for id, change in {
        "goes": "status = 'running', started_at = now(), current_step = 'load', step_started_at = now()",
        "sleeps": "status = 'waiting', started_at = now(), wake_at = now() + interval '1 h'",
        "failed": "status = 'failed', started_at = now(), ended_at = now(), error = '{\"message\": \"too late\"}'",
    }.items():
        database.execute(f"UPDATE andon.runs SET {change} WHERE id = %s".encode(), [made[id]])
    text = client.get("/").text
    assert 'class="chart"' in text
    for part in ("order-goes", "load", "a free lane of a worker", "a time that was set", "order-failed"):
        assert part in text
    for part in ("too late", "3 of 8 lanes busy", "release blue"):
        assert part in text
    database.execute(
        "INSERT INTO andon.functions (id, module, trigger, cancel_on, settings, seen_at)"
        " SELECT 'newer', module, trigger, cancel_on, settings, seen_at + interval '1 h' FROM andon.functions LIMIT 1"
    )
    assert "no longer served" in client.get("/functions").text
    for path in ("/", f"/runs/{made['waits']}"):
        assert "which no module that is served declares" in client.get(path).text
    workers.gone(database, "host:1:abc")
    assert "3 of 8 lanes busy" not in client.get("/").text


def test_reports_are_in_the_menu_where_there_is_a_function_or_a_report(client: Client, make_run: MakeRun) -> None:
    home.known_reports.clear()
    assert ">Reports</a>" not in client.get("/").text
    client.post("/api/v1/events", json={"name": "a/b", "id": "x", "data": {}})
    make_run("x", function_id="generate-hybrid-report")
    home.known_reports.clear()
    assert ">Reports</a>" in client.get("/").text


def test_a_list_of_runs_tells_them_apart_and_folds_cleanup_under_its_run(
    client: Client, make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    event = {"name": "a/b", "id": "x", "data": {"orderId": "o1"}, "user": {"name": "Ada"}}
    client.post("/api/v1/events", json=event)
    run_id = make_run("x", function_id="f")
    database.execute(
        "INSERT INTO andon.runs (id, tenant, function_id, kind, parent_run_id, event_seq, status)"
        " SELECT gen_random_uuid(), tenant, function_id, 'on_cancel', id, event_seq, 'failed' FROM andon.runs"
        " WHERE id = %s",
        [run_id],
    )
    text = client.get("/runs").text
    assert (text.count('<tr id="row-'), "o1" in text, "cleanup after a cancel: failed" in text) == (1, True, True)
    assert client.get("/runs?status=failed").text.count('<tr id="row-') == 1


def test_runs_are_found_by_a_field_and_a_wrong_one_is_marked_where_it_was_written(
    client: Client, make_run: MakeRun
) -> None:
    for id in ("x", "y"):
        client.post("/api/v1/events", json={"name": "a/b", "id": id, "data": {"orderId": f"order-{id}"}})
        make_run(id, function_id="f")
    text = client.get("/runs?where=data.orderId+%3D+order-y").text
    assert ("order-y</" in text, "order-x</" in text) == (True, False)
    text = client.get("/runs?where=nonsense").text
    assert 'aria-invalid="true"' in text
    assert "such as data.reportId = 7" in text


def test_what_is_refused_says_why_and_marks_its_field(client: Client) -> None:
    answer = client.post("/events", data={"name": "a/b", "data": "{no"}, headers=HTMX)
    assert 'data-wrong="data"' in answer.text
    assert "Correct what is marked" in answer.text


def test_a_form_names_its_fields_by_their_labels(client: Client) -> None:
    text = client.post("/cancellations/count", data={"functionId": "nothing", "if": ""}, headers=HTMX).text
    assert ("Function: expected a registered function" in text, "functionId:" in text) == (True, False)
    assert 'data-wrong="functionId"' in text


def test_functions_are_found_by_id_module_or_event(client: Client, database: psycopg.Connection[Any]) -> None:
    rules = [CancelOn("work/dropped", match="data.id")]
    known = function(id="team/job", trigger="work/asked", cancel_on=rules)(lambda event, step: None)
    functions.register(database, Registry([known], check_expression=check_expression))
    for each in ("TEAM", "work/a", "dropped", __name__):
        assert "<h2>team/job</h2>" in client.get(f"/functions?text={each}").text
    nothing = client.get("/functions?text=nothing-like-it").text
    assert ("No such function" in nothing, 'data-testid="function"' in nothing) == (True, False)


def test_andons_own_events_are_shown_where_they_are_asked_for(client: Client) -> None:
    for name in ("andonlike/told", "andon/run.cancelled"):
        client.post("/api/v1/events", json={"name": name, "data": {"runId": str(new_id())}})
    shown = {
        path: client.get(path).text for path in ("/events", "/events?own=true", "/events?name=andon%2Frun.cancelled")
    }
    assert [("andonlike/told</a>" in text, "andon/run.cancelled</a>" in text) for text in shown.values()] == [
        (True, False),
        (True, True),
        (False, True),
    ]


def test_what_was_saved_and_can_not_be_served_is_told_until_it_can(
    make_app: MakeApp, settings: Settings, tmp_path: Path
) -> None:
    client = make_app(replace(settings, home=tmp_path)).test_client()
    why = "module 'shop' can't be imported"
    unserved.keep(tmp_path, {"shop": why})
    for path in ("/", "/functions"):
        assert escape(why) in client.get(path).text
    unserved.keep(tmp_path, {})
    assert escape(why) not in client.get("/functions").text
