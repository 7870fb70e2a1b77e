"""The console behind keys, in a real Chromium: its forms carry the token, and a session that ends says so."""

from __future__ import annotations

import os

import psycopg
from playwright.sync_api import Page, expect

from andon.adapters.postgres.access.keys import SCOPES, create_key, revoke_key
from tests.conftest import StartSystem


def test_a_person_logs_in_acts_and_is_sent_away_when_the_key_is_revoked(
    system: StartSystem, page: Page, database_url: str
) -> None:
    started = system(env={"ANDON_AUTH": "on"}, dispatchers=0, workers=0)
    refusals: list[str] = []
    page.on("console", lambda said: refusals.append(said.text) if "Content Security Policy" in said.text else None)
    with psycopg.connect(database_url, autocommit=True) as database:
        id, secret = create_key(database, "acme", "Ann", SCOPES)
        page.goto(f"{started.url}/events")
        if folder := os.environ.get("ANDON_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/login.png")
        page.get_by_label("Key").fill("andon_guess")
        page.get_by_test_id("log-in").click()
        expect(page.get_by_role("alert")).to_contain_text("is not known, has run out or was revoked")
        page.get_by_label("Key").fill(secret)
        page.get_by_test_id("log-in").click()
        page.wait_for_url("**/events")
        expect(page.get_by_role("banner")).to_contain_text("Ann")

        page.get_by_test_id("new-event").click()
        page.get_by_label("Name").last.fill("order/placed")
        page.get_by_test_id("send-event").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("order/placed")
        page.reload()
        page.get_by_test_id("log-out").click()
        page.wait_for_url("**/login")
        page.goto(started.url)
        page.wait_for_url("**/login?next=%2F")

        page.get_by_label("Key").fill(secret)
        page.get_by_test_id("log-in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        if folder:
            page.screenshot(path=f"{folder}/in.png")
        revoke_key(database, id)
        page.wait_for_url("**/login?next=%2F")
    assert refusals == []
