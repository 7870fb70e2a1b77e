"""The console's pages of webhooks: made, seen, rotated, sent again and deleted by those who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from andon.adapters.postgres import webhooks
from tests.integration.api.access.conftest import Caller, caller, closed, guarded, make_key
from tests.integration.api.conftest import Client

__all__ = ["caller", "closed", "guarded", "make_key"]

HTMX = {"HX-Request": "true"}
URL = "https://app.example/hook?of=andon"
SECRET = re.compile(r"andonw_[\w-]{43}")


@pytest.fixture
def made(database: psycopg.Connection[Any]) -> UUID:
    """A webhook of the tenant `default`."""
    return webhooks.create_webhook(database, "default", URL)[0]


def owe(database: psycopg.Connection[Any], webhook: UUID, **values: Any) -> int:
    """Write a delivery, as the trigger of the events does, with what came of it."""
    row = {"webhook_id": webhook, "line": webhook, "event_id": "e", "name": "andon/function.failed", "body": "{}"}
    row |= values
    names = ", ".join(row)
    places = ", ".join(f"%({name})s" for name in row)
    statement = f"INSERT INTO andon.webhook_deliveries ({names}) VALUES ({places}) RETURNING id"
    found = database.execute(statement.encode(), row).fetchone()
    assert found is not None
    return int(found[0])


def secrets_of(database: psycopg.Connection[Any]) -> list[str]:
    found = database.execute("SELECT secret FROM andon.webhook_secrets ORDER BY id DESC").fetchall()
    return [str(secret) for (secret,) in found]


def test_a_webhooks_secret_is_shown_when_it_is_made_and_on_no_page(
    client: Client, database: psycopg.Connection[Any]
) -> None:
    assert "No other program is told" in client.get("/webhooks").text
    answer = client.post("/webhooks", data={"url": f" {URL} "}, headers=HTMX)
    assert answer.status_code == 200
    [secret] = SECRET.findall(answer.text.partition("data-copy")[0])
    assert secrets_of(database) == [secret]
    [webhook] = webhooks.list_webhooks(database, "default")
    assert webhook.url == URL
    for path in ("/webhooks", f"/webhooks/{webhook.id}", "/audit"):
        text = client.get(path).text
        assert ("app.example/hook" in text, "andonw_" in text) == (True, False)


@pytest.mark.parametrize("url", ["", "app.example", "http://app.example", "https://me:pw@app.example"])
def test_a_url_that_nothing_can_be_sent_to_is_said_in_the_form(
    client: Client, database: psycopg.Connection[Any], url: str
) -> None:
    answer = client.post("/webhooks", data={"url": url}, headers=HTMX)
    assert (answer.status_code, 'data-wrong="url"' in answer.text) == (422, True)
    assert webhooks.list_webhooks(database) == []


def test_a_secret_is_rotated_in_two_moves(client: Client, database: psycopg.Connection[Any], made: UUID) -> None:
    [former] = secrets_of(database)
    answer = client.post(f"/webhooks/{made}/rotate", data={"reason": ""}, headers=HTMX)
    [newest] = set(SECRET.findall(answer.text))
    assert secrets_of(database) == [newest, former]
    page = client.get(f"/webhooks/{made}").text
    assert ('data-testid="finish"' in page, 'data-testid="rotate"' in page) == (True, False)
    assert client.post(f"/webhooks/{made}/finish", headers=HTMX).headers["HX-Trigger"] == "changed"
    assert secrets_of(database) == [newest]
    noted = client.get("/api/v1/audit?action=webhook.rotated").json["items"]
    assert [each["details"] for each in noted] == [{"finished": True}, {"finished": False}]


def test_deliveries_tell_their_state_and_what_was_answered_and_are_sent_again(
    client: Client, database: psycopg.Connection[Any], made: UUID
) -> None:
    told = owe(database, made, next_at=None, delivered_at="2026-01-01Z", attempts=1, answer="204")
    lost = owe(database, made, next_at=None, attempts=9, answer="<b>connection refused</b>")
    owe(database, made, attempts=2, answer="503")
    page = client.get(f"/webhooks/{made}").text
    assert re.findall(r'data-state="([a-z ]+)"', page) == ["owed", "given up", "told"]
    for part in ("answered 503", "answered 204", "&lt;b&gt;connection refused", "9 attempts"):
        assert part in page
    for delivery in (told, lost):
        answer = client.post(f"/webhooks/{made}/deliveries/{delivery}/resend", headers=HTMX)
        assert (answer.status_code, answer.headers["HX-Trigger"]) == (200, "changed")
    assert {each.state for each in webhooks.deliveries(database, made, 9)} == {"owed"}
    for delivery in (10**6, 2**63):
        assert client.post(f"/webhooks/{made}/deliveries/{delivery}/resend", headers=HTMX).status_code == 404


def test_many_deliveries_are_paged(client: Client, database: psycopg.Connection[Any], made: UUID) -> None:
    for n in range(51):
        owe(database, made, event_id=f"e{n}")
    first = client.get(f"/webhooks/{made}").text
    found = re.search(r'href="([^"]+cursor=[^"]+)"', first)
    assert found is not None
    second = client.get(found[1].replace("&amp;", "&")).text
    assert (first.count("data-state"), second.count("data-state"), 'href="/events/e0"' in second) == (50, 1, True)


def test_a_deleted_webhook_is_gone_with_what_it_is_owed(
    client: Client, database: psycopg.Connection[Any], made: UUID
) -> None:
    owe(database, made)
    answer = client.post(f"/webhooks/{made}/delete", headers=HTMX)
    assert answer.headers["HX-Redirect"] == "/webhooks"
    assert webhooks.claim(database, 9) == []
    assert (webhooks.forget(database), webhooks.forget(database)) == (True, False)
    assert database.execute("SELECT count(*) FROM andon.webhook_deliveries").fetchone() == (0,)
    for path in ("rotate", "finish", "delete"):
        assert client.post(f"/webhooks/{made}/{path}", headers=HTMX).status_code == 404


def test_another_tenants_webhook_is_not_there(client: Client, database: psycopg.Connection[Any]) -> None:
    theirs, secret = webhooks.create_webhook(database, "acme", URL)
    delivery = owe(database, theirs, next_at=None)
    mine = webhooks.create_webhook(database, "default", URL)[0]
    assert str(theirs) not in client.get("/webhooks").text
    assert client.get(f"/webhooks/{theirs}").status_code == 404
    for path in ("rotate", "finish", "delete", f"deliveries/{delivery}/resend"):
        assert client.post(f"/webhooks/{theirs}/{path}", headers=HTMX).status_code == 404
    assert client.post(f"/webhooks/{mine}/deliveries/{delivery}/resend", headers=HTMX).status_code == 404
    assert webhooks.deliveries(database, theirs, 1)[0].state == "given up"
    assert secret in secrets_of(database)


def test_the_menu_names_only_what_ones_key_opens(caller: Callable[..., Caller]) -> None:
    reader, admin = caller(scopes=["read"]), caller(scopes=["read", "admin"])
    menu = [re.findall(r'<a href="(/[a-z-]+)"', who.open("/runs").text) for who in (reader, admin)]
    assert set(menu[1]) - set(menu[0]) == {"/webhooks", "/dead-events", "/audit"}
    assert reader.open("/webhooks").status_code == 403
