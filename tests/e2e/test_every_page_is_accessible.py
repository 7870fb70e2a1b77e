"""axe-core finds nothing on any page, at both widths, in light and dark; and a person can use what the pages offer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import httpx
import psycopg
import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from redis import Redis

from andon.adapters.postgres import webhooks
from andon.adapters.postgres.asks.reports import of
from andon_api.console.pages import blueprint
from tests.conftest import StartSystem
from tests.support.polling import wait_until
from tests.support.system import SHIPPED_FUNCTIONS, System

AXE = Path(__file__).with_name("vendor") / "axe-4.14.1.min.js"
SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]
LOOKS = [(1200, SCHEMES[0]), (400, SCHEMES[1])]  # each width and each scheme once: a page takes seconds
CSV = b"day,region,amount\n" + b"".join(
    b"2026-01-%02d,%s,%d\n" % (n % 28 + 1, [b"north", b"south"][n % 2], n * 7919 % 1000) for n in range(2_000)
)
LONG = 10_000_000
NO_PAGES = {"static", "console.static", "console.live", "console.preview"}
"""A file, a stream, a part of a page."""


@pytest.fixture(scope="module")
def lively(shared_system: StartSystem) -> System:
    """A system with a report that is idle, generated, failed and cancelled, a dead event, and a run that has failed."""
    started = shared_system(functions=(SHIPPED_FUNCTIONS, "tests.scheduled_functions", "tests.told_functions"))
    with started.client() as client:
        asked = client.post("/subjects/clip/intro/request", json={"data": {}})
        assert asked.status_code == 202, asked.text
        made = {title: make(client, title) for title in ("Idle", "Generated", "Failed")}
        for title in ("Generated", "Failed"):
            generate(client, made[title])
        for title in ("Generated", "Failed"):
            wait_until(partial(is_generated, client, made[title]), what=title)
        stopped = make(client, "Cancelled", resamples=LONG)
        generate(client, stopped)
        wait_until(lambda: progress(client, stopped), what="progress")
        cancel(client, stopped)
    with psycopg.connect(started.env["ANDON_DATABASE_URL"], autocommit=True) as connection:
        fail(connection, made["Failed"])
        tell_nobody(connection)
    with Redis.from_url(started.env["ANDON_REDIS_URL"]) as redis:
        redis.xadd("andon:events", {"data": "no name"})
    return started


@pytest.fixture
def going(lively: System) -> Iterator[dict[str, Any]]:
    """A report that is being generated, the only one; gone when the test is."""
    with lively.client() as client:
        id = make(client, "Going", resamples=LONG)
        generate(client, id)
        wait_until(lambda: progress(client, id), what="progress")
        lively.give_way()
        yield dict(client.get(f"/reports/{id}").json())
        cancel(client, id)
        client.delete(f"/reports/{id}")


def make(client: httpx.Client, title: str, resamples: int = 10) -> str:
    """An idle report; its id."""
    dataset = client.post("/datasets", files={"file": ("sales.csv", CSV)}).json()
    body = {"title": title, "datasetId": dataset["id"], "options": {"resamples": resamples}}
    return str(client.post("/reports", json=body).raise_for_status().json()["id"])


def generate(client: httpx.Client, id: str) -> None:
    client.post(f"/reports/{id}/generate").raise_for_status()


def cancel(client: httpx.Client, id: str) -> None:
    client.post(f"/reports/{id}/cancel", json={"reason": "no need"}, headers={"Prefer": "wait=10"})


def is_generated(client: httpx.Client, id: str) -> bool:
    return bool(client.get(f"/reports/{id}").json()["status"] == "generated")


def progress(client: httpx.Client, id: str) -> bool:
    return bool(client.get(f"/reports/{id}").json()["progress"])


def fail(connection: psycopg.Connection[Any], report_id: str) -> None:
    """Make a run that has ended one that has failed, in a step of the longest id: what no shipped function does."""
    connection.execute(
        "UPDATE andon.runs SET status = 'failed', error = jsonb_build_object('type', 'ValueError', 'message', 'broken',"
        " 'traceback', 'Traceback (most recent call last): ...') WHERE subject_id = %s",
        [of("default", UUID(report_id))],
    )
    connection.execute("UPDATE andon.reports SET status = 'failed', error = 'broken' WHERE id = %s", [report_id])
    connection.execute(
        "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at)"
        " SELECT id, repeat('x', 200), 99, 'failed', 1, fence, now(), now() FROM andon.runs WHERE status = 'failed'"
    )


def tell_nobody(connection: psycopg.Connection[Any]) -> None:
    """Make a webhook that has a delivery in each state."""
    id, _ = webhooks.create_webhook(connection, "default", "https://webhooks.invalid/andon?" + "long=" * 20)
    webhooks.rotate_secret(connection, id)
    owe = (
        "INSERT INTO andon.webhook_deliveries (webhook_id, line, event_id, name, body, attempts, next_at,"
        " delivered_at, answer) VALUES (%s, gen_random_uuid(), 'e', 'andon/function.failed', '{}', 3, %s, %s, %s)"
    )
    connection.execute(owe, [id, None, "2026-01-01Z", "204"])
    connection.execute(owe, [id, None, None, "Name or service not known, " * 6])
    connection.execute(owe, [id, "2999-01-01Z", None, "503"])


def pages(system: System) -> dict[str, str]:
    """The path of every kind of page, one for each state that looks different."""
    with system.client() as client:
        reports = {each["title"]: each for each in client.get("/reports").json()["items"]}
        event = client.get("/events").json()["items"][0]["id"]
        bulk = {"functionId": "generate-hybrid-report", "if": "false"}
        cancellation = client.post("/cancellations", json=bulk).json()["id"]
    [webhook] = set(re.findall(r"/webhooks/[0-9a-f-]{36}(?=\")", httpx.get(f"{system.url}/webhooks").text))
    named = {f"report-{title.lower()}": f"/reports/{each['id']}" for title, each in reports.items()}
    ran = {f"run-{title.lower()}": f"/runs/{each['run']['id']}" for title, each in reports.items() if each["run"]}
    return {
        **named,
        **ran,
        "home": "/",
        "reports": "/reports",
        "runs": "/runs",
        "no-runs": "/runs?status=waiting",
        "events": "/events",
        "event": f"/events/{event}",
        "dead-events": "/dead-events",
        "functions": "/functions",
        "schedules": "/schedules",
        "subjects": "/subjects/clip",
        "audit": "/audit",
        "webhooks": "/webhooks",
        "webhook": webhook,
        "usage": "/usage",
        "bulk": "/cancellations",
        "cancellation": f"/cancellations/{cancellation}",
        "docs": "/docs",
        "result": f"{ran['run-generated']}/result",
        "missing": "/runs/nothing",
    }


def test_each_address_of_the_console_is_among_those_that_are_looked_at(lively: System) -> None:
    app = Flask(__name__)
    app.register_blueprint(blueprint())
    addresses = app.url_map.bind("localhost")
    looked_at = {addresses.match(path.partition("?")[0])[0] for path in pages(lively).values() if path != "/docs"}
    known = {each.endpoint for each in app.url_map.iter_rules() if "GET" in (each.methods or ())}
    assert known - looked_at == NO_PAGES


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page, its frames left to themselves."""
    found = page.evaluate("() => axe.run(document, { iframes: false, resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.usefixtures("going")
def test_no_page_has_a_violation_or_is_wider_than_the_screen(lively: System, browser: Browser) -> None:
    wrong: dict[str, Any] = {}
    with browser.new_context(reduced_motion="reduce", bypass_csp=True) as context:
        page = context.new_page()
        for name, path in pages(lively).items():
            page.goto(f"{lively.url}{path}")
            page.evaluate(AXE.read_text())
            for details in page.locator("details.create > summary").all():
                details.click()
            for width, scheme in LOOKS:
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 900})
                if found := violations(page):
                    wrong[f"{name} at {width}, {scheme}"] = found
                if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                    wrong[f"{name} at {width}"] = f"{wide} wide"
    assert not wrong, json.dumps(wrong, indent=1)


def test_a_person_counts_then_cancels_many_runs(lively: System, going: dict[str, Any], page: Page) -> None:
    page.goto(f"{lively.url}/functions")
    page.get_by_test_id("function").filter(has_text="generate-hybrid-report").get_by_role(
        "link", name="Cancel many"
    ).click()
    page.get_by_label("Only if").fill("event.data.")
    page.get_by_test_id("count-runs").click()
    expect(page.locator("#count")).to_contain_text("if:")
    page.get_by_label("Only if").fill("event.data.options.resamples > 1000")
    page.get_by_test_id("count-runs").click()
    expect(page.get_by_test_id("matched")).to_contain_text("1 run of generate-hybrid-report matches")
    page.get_by_test_id("cancel-runs").click()
    expect(page.get_by_test_id("cancellation")).to_have_attribute("data-status", "done")
    expect(page.get_by_test_id("matched")).to_contain_text("1 run cancelled")
    page.get_by_role("link", name="Its cancelled runs").click()
    expect(page.locator(f"tbody a[href='/runs/{going['run']['id']}']").first).to_be_visible()


def test_a_person_replays_a_dead_event(lively: System, page: Page) -> None:
    page.goto(f"{lively.url}/dead-events")
    expect(page.get_by_test_id("dead-event")).to_have_count(1)
    page.get_by_test_id("replay").click()
    expect(page.get_by_test_id("dead-event")).to_have_count(2)
    expect(page.get_by_test_id("dead-event").last).to_contain_text("Replayed")


def test_a_person_reruns_a_cancelled_run_and_finds_the_new_one(lively: System, page: Page) -> None:
    with lively.client() as client:
        [cancelled] = [each for each in client.get("/reports").json()["items"] if each["title"] == "Cancelled"]
    page.goto(f"{lively.url}/runs?status=cancelled")
    page.locator(f"tbody a[href='/runs/{cancelled['run']['id']}']").first.click()
    expect(page.get_by_test_id("steps")).to_contain_text("cancelled")
    former = page.url
    page.get_by_test_id("rerun").click()
    page.get_by_role("button", name="Run Again").click()
    page.get_by_test_id("cancel").click()
    assert page.url != former
    expect(page.get_by_test_id("rerun")).to_have_count(0)  # only what has ended is run again
    page.get_by_role("button", name="Cancel Run").click()
    expect(page.get_by_test_id("run")).to_have_attribute("data-status", "cancelled")


def test_a_person_finds_a_run_by_its_status_cancels_it_by_an_event_and_deletes_its_report(
    lively: System, going: dict[str, Any], page: Page
) -> None:
    page.goto(f"{lively.url}/runs")
    page.get_by_label("Status").select_option("running")  # a choice is applied at once
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").first.click()
    expect(page.get_by_test_id("run")).to_have_attribute("data-status", "running")

    page.goto(f"{lively.url}/events")
    page.get_by_test_id("new-event").click()
    page.get_by_test_id("event-form").get_by_label("Name").fill("report/generation.cancelled")
    page.get_by_test_id("event-form").get_by_label("Data").fill("{not JSON")
    page.get_by_test_id("send-event").click()
    expect(page.locator("#send-error")).to_contain_text("JSON")
    page.get_by_test_id("event-form").get_by_label("Data").fill(json.dumps({"reportId": going["id"]}))
    page.get_by_test_id("send-event").click()
    expect(page.get_by_test_id("effects").get_by_role("link")).to_have_count(1)

    page.goto(f"{lively.url}/reports/{going['id']}")
    expect(page.get_by_test_id("report")).to_have_attribute("data-status", "cancelled")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_test_id("delete").click()
    page.wait_for_url(f"{lively.url}/reports")
    expect(page.get_by_test_id("report-card")).to_have_count(4)
    expect(page.get_by_role("link", name="Going")).to_have_count(0)
