"""A page of another site with a Cancel button, written with the TypeScript client, in a real Chromium."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from andon.adapters.postgres.access.keys import create_key
from andon.client import Andon
from andon.embedded.ports import free_port
from tests.conftest import StartSystem
from tests.e2e.card_server import CardServer
from tests.support.polling import PATIENCE, wait_until

FUNCTION = "generate-hybrid-report"
LONG = 10_000_000  # resamples: hours, if nobody stops it
CSV = "day,region,amount\n" + "".join(
    f"2026-01-{n % 28 + 1:02d},{('north', 'south')[n % 2]},{n * 7919 % 1000}\n" for n in range(2_000)
)


@pytest.fixture
def other(browser: Browser, page: Page) -> Page:
    """A second tab."""
    tab = page.context.new_page()
    tab.set_default_timeout(PATIENCE * 1000)
    return tab


def status(tab: Page, said: str) -> None:
    """Wait until the card says so."""
    expect(tab.get_by_test_id("status")).to_have_text(said)


def create(tab: Page, site: CardServer, title: str) -> str:
    """Make a report in the page; its id."""
    tab.goto(site.url)
    tab.get_by_label("Title").fill(title)
    tab.get_by_role("button", name="Create").click()
    expect(tab.get_by_role("heading", name=title)).to_be_visible()
    return tab.url.rpartition("/")[2]


def press_cancel(tab: Page) -> None:
    """The button, and yes in the dialog."""
    tab.get_by_role("button", name="Cancel", exact=True).click()
    tab.get_by_role("dialog").get_by_role("button", name="Yes, cancel it").click()


def test_a_card_on_another_site_follows_cancels_and_never_stops_another_run(
    system: StartSystem, database_url: str, page: Page, other: Page, tmp_path: Path
) -> None:
    with psycopg.connect(database_url) as connection:
        _, key = create_key(connection, "acme", "site", ["read", "write", "cancel"])
        _, operator = create_key(connection, "acme", "operator", ["admin"])
    site = CardServer(free_port())
    started = system(env={"ANDON_AUTH": "on", "ANDON_ORIGINS": site.url})
    (tmp_path / "sales.csv").write_text(CSV)
    with Andon(started.url, key) as andon, site.serving(andon):
        create(page, site, "Nothing to read")
        page.get_by_role("button", name="Generate").click()
        expect(page.get_by_role("alert")).to_contain_text("dataset")

        site.dataset, site.options = andon.datasets.upload(tmp_path / "sales.csv").id, {"resamples": LONG}
        site.ttl = 3
        report = andon.reports.get(create(page, site, "Sales"))
        status(page, "idle")

        with Andon(started.url, operator) as operating:
            operating.pauses.pause("function", FUNCTION)
            page.get_by_role("button", name="Generate").click()
            status(page, "generating")
            tokens = site.tokens
            wait_until(lambda: site.tokens > tokens + 2, what="three tokens, while nothing changes")
            operating.pauses.resume("function", FUNCTION)
        other.goto(f"{site.url}/reports/{report.id}")
        status(other, "generating")
        expect(page.get_by_role("progressbar")).not_to_have_attribute("value", "0")
        started.give_way()

        first = andon.reports.get(report.id).run
        other.route(
            f"{started.url}/**", lambda route: route.abort() if route.request.method == "GET" else route.continue_()
        )
        started["api"].kill()
        status(page, "generating (connection lost, trying again)")
        started["api"].start()
        wait_until(started.ready, what="the API again")
        status(page, "generating")
        site.ttl = 900

        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Keep going").click()
        status(page, "generating")
        press_cancel(page)
        status(page, "cancelled")
        assert first is not None
        cancel = andon.runs.get(first.id).cancel
        assert cancel is not None
        assert (cancel.requested_by, cancel.reason) == ({"id": "ada"}, "cancelled by the user")

        page.get_by_role("button", name="Generate").click()
        status(page, "generating")
        press_cancel(other)  # it still shows the first run
        expect(other.get_by_role("alert")).to_contain_text("Report's current run is")
        assert andon.reports.get(report.id).status == "generating"
        press_cancel(page)
        status(page, "cancelled")
