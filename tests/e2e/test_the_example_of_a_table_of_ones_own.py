"""The example of `docs/your-table.md`: a table that somebody else made tells the truth on its team's page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect
from psycopg.rows import dict_row
from werkzeug.serving import make_server

import examples.own_table
from andon.client import Andon
from examples.own_table.page import create_app
from tests.conftest import StartSystem

SCHEMA = Path(examples.own_table.__file__).with_name("schema.sql").read_text()


class Shop(NamedTuple):
    """Where the team's page is, and Andon's console."""

    page: str
    console: str


@pytest.fixture
def shop(system: StartSystem, database_url: str) -> Iterator[Shop]:
    """The team's page, over their table with three reports."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO public.reports (id) VALUES ('sales'), ('costs/2026'), ('ünits')")
    started = system(functions=["examples.own_table.functions"])
    with Andon(started.url) as andon:
        server = make_server("127.0.0.1", 0, create_app(database_url, andon), threaded=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield Shop(f"http://127.0.0.1:{server.port}/", started.url)
        server.shutdown()
        serving.join()
        server.server_close()


def test_a_person_generates_cancels_and_generates_again_and_the_row_agrees(
    shop: Shop, page: Page, database_url: str
) -> None:
    def row(id: str) -> dict[str, Any]:
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            found = connection.execute("SELECT * FROM public.reports WHERE id = %s", [id]).fetchone()
        assert found is not None
        return found

    def card(id: str) -> Locator:
        return page.locator(f"[data-id='{id}']")

    page.goto(f"{shop.page}?rows=100000")
    for id in ("sales", "ünits"):
        card(id).get_by_role("button", name="Generate").click()
        expect(card(id)).to_have_attribute("data-status", "generating")
    card("sales").get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cancel Report Generation?")
    dialog.get_by_role("button", name="Keep Generating").click()
    expect(card("sales")).to_have_attribute("data-status", "generating")
    card("sales").get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel Report").click()
    expect(card("sales")).to_have_attribute("data-status", "cancelled")
    cancelled = row("sales")
    assert (cancelled["status"], cancelled["data"], cancelled["completed_at"]) == ("cancelled", None, None)
    assert cancelled["cancelled_at"] is not None
    assert row("ünits")["status"] == "generating", "the rule matches one report and leaves the others alone"

    page.goto(f"{shop.page}?rows=5")
    card("sales").get_by_role("button", name="Generate").click()
    expect(card("sales")).to_have_attribute("data-status", "generated")
    expect(card("sales")).to_contain_text("5 rows")
    again = row("sales")
    assert (again["data"], again["cancelled_at"]) == ({"numbers": [0, 1, 4, 9, 16]}, None)

    page.goto(f"{shop.page}?rows=-1")
    card("sales").get_by_role("button", name="Generate").click()
    expect(card("sales")).to_have_attribute("data-status", "failed")
    expect(card("sales")).to_contain_text("a report has no -1 rows")
    assert (row("sales")["error"], row("costs/2026")["status"]) == ("a report has no -1 rows", "idle")

    page.goto(shop.console)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Report", exact=True).click()
    asked = page.get_by_test_id("subject-card").filter(has_text="ünits")
    expect(asked).to_have_attribute("data-status", "active")
    asked.get_by_test_id("cancel").click()
    expect(page.get_by_role("dialog")).to_contain_text("Cancel Report?")
    page.get_by_role("dialog").get_by_label("Reason").fill("too large")
    page.get_by_test_id("confirm-cancel").click()
    expect(asked).to_have_attribute("data-status", "cancelled")
    expect(asked).to_contain_text("too large")
    assert row("ünits")["status"] == "cancelled"
    page.get_by_test_id("new-request").click()
    page.get_by_label("Id", exact=True).fill("costs/2026")
    page.get_by_label("Data of the event").fill('{"rows": 3}')
    page.get_by_test_id("ask").click()
    costs = page.get_by_test_id("subject-card").filter(has_text="costs/2026")
    expect(costs).to_have_attribute("data-status", "completed")
    assert row("costs/2026")["data"] == {"numbers": [0, 1, 4]}
