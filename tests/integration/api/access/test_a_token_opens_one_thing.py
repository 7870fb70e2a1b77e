"""Tokens for pages in browsers: what one opens, for how long, and that pages of named origins may use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from andon.settings import Settings
from andon_api.access.tokens import KIND_OF, LISTS, OWN
from tests.integration.api.access.conftest import API, MARK, Caller, MakeKey, Things
from tests.integration.api.access.test_every_route_is_guarded import guarded_routes
from tests.integration.api.conftest import Client, MakeApp

PAGE = "https://app.example.com"


@pytest.fixture
def acme(caller: Callable[..., Caller]) -> Caller:
    """Who makes the tokens."""
    return caller("acme")


def token(acme: Caller, things: Things, **body: Any) -> dict[str, Any]:
    """A token for acme's report."""
    answer = acme.open(f"{API}/reports/{things.report}/tokens", "POST", json=body)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store"), answer.text
    return dict(answer.json)


def bearer(secret: str) -> dict[str, str]:
    """The header that presents it."""
    return {"Authorization": f"Bearer {secret}"}


def test_a_token_opens_its_report_and_nothing_else(closed: Flask, acme: Caller, things: Things) -> None:
    secret = token(acme, things, scopes=["read", "cancel"])["token"]
    client = closed.test_client()
    opened = set()
    for endpoint, method, path, _ in guarded_routes(closed, things):
        answer = client.open(path, method=method, headers=bearer(secret))
        if KIND_OF.get(endpoint) == "report" or endpoint in LISTS:
            opened.add(endpoint)
            assert answer.status_code in {200, 409}, (endpoint, answer.text)
        elif endpoint not in OWN and endpoint != "inngest.send":
            assert answer.status_code == 403, (endpoint, method, answer.status_code)
            assert MARK not in answer.text
        answer.close()
    assert opened == {"reports.one", "reports.cancel", "streams.report", "artifacts.download"} | LISTS
    another = acme.open(f"{API}/reports", "POST", json={"title": "another"}).json["id"]
    assert client.get(f"{API}/reports/{another}", headers=bearer(secret)).status_code == 403


def test_a_token_to_read_cancels_nothing(closed: Flask, acme: Caller, things: Things) -> None:
    secret = token(acme, things)["token"]
    answer: Any = closed.test_client().post(f"{API}/reports/{things.report}/cancel", headers=bearer(secret))
    assert (answer.status_code, "scope cancel" in answer.json["detail"]) == (403, True)


def test_whom_a_token_is_for_has_cancelled(
    closed: Flask, acme: Caller, things: Things, database: psycopg.Connection[Any]
) -> None:
    acme.open(f"{API}/reports/{things.report}/generate", "POST")
    secret = token(acme, things, scopes=["cancel"], user={"id": "ada"})["token"]
    answer: Any = closed.test_client().post(f"{API}/reports/{things.report}/cancel", headers=bearer(secret))
    assert answer.status_code == 202, answer.text
    [(user,)] = database.execute('SELECT "user" FROM andon.events WHERE id = %s', [answer.json["eventId"]]).fetchall()
    assert user == {"id": "ada"}


def test_a_token_in_the_query_opens_streams_and_files_alone(closed: Flask, acme: Caller, things: Things) -> None:
    secret = token(acme, things)["token"]
    client = closed.test_client()
    report = f"{API}/reports/{things.report}"
    assert "event: report" in client.get(f"{report}/stream?token={secret}").text
    assert client.get(f"{report}/artifacts/report.html?inline=true&token={secret}").text == MARK
    assert client.get(f"{report}?token={secret}").status_code == 401


def test_a_token_ends_when_it_is_revoked_or_its_key_is_or_its_time_is_over(
    make_app: MakeApp, guarded: Settings, acme: Caller, things: Things, database: psycopg.Connection[Any]
) -> None:
    path = f"{API}/reports/{things.report}"
    made = [token(acme, things) for _ in range(3)]

    def statuses() -> list[int]:
        fresh = make_app(guarded).test_client()  # which remembers nothing
        return [fresh.get(path, headers=bearer(each["token"])).status_code for each in made]

    assert statuses() == [200, 200, 200]
    assert acme.open(f"{API}/tokens/{made[0]['id']}", "DELETE").status_code == 204
    assert acme.open(f"{API}/tokens/{made[0]['id']}", "DELETE").status_code == 404
    database.execute("UPDATE andon.tokens SET expires_at = clock_timestamp() WHERE id = %s", [made[1]["id"]])
    assert statuses() == [401, 401, 200]
    database.execute("UPDATE andon.api_keys SET revoked_at = clock_timestamp()")
    assert statuses() == [401, 401, 401]


def test_no_token_gets_what_its_maker_lacks_or_lasts_over_an_hour(
    caller: Callable[..., Caller], acme: Caller, things: Things
) -> None:
    path = f"{API}/reports/{things.report}/tokens"
    assert caller("acme", ["read"]).open(path, "POST", json={"scopes": ["cancel"]}).status_code == 403
    assert caller("rival").open(path, "POST").status_code == 404
    too_long = acme.open(path, "POST", json={"ttl": 3601})
    assert (too_long.status_code, too_long.json["errors"][0]["pointer"]) == (422, "/ttl")
    wider = acme.open(path, "POST", json={"scopes": ["write"]})
    assert (wider.status_code, wider.json["errors"][0]["pointer"]) == (422, "/scopes/0")


def test_a_token_of_many_names_each_thing_that_is_there(closed: Flask, acme: Caller, things: Things) -> None:
    names = [f"report:{things.report.upper()}", f"run:{things.run}"]
    made = acme.open(f"{API}/tokens", "POST", json={"things": names})
    assert (made.status_code, made.json["things"]) == (201, [f"report:{things.report}", f"run:{things.run}"])
    client = closed.test_client()
    for path in (f"/reports/{things.report}", f"/runs/{things.run}"):
        assert client.get(f"{API}{path}", headers=bearer(made.json["token"])).status_code == 200
    wrong = acme.open(f"{API}/tokens", "POST", json={"things": [names[0], f"run:{things.report}"]})
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "/things/1")


def test_no_line_of_the_log_holds_a_token(
    closed: Flask, acme: Caller, things: Things, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    secret = token(acme, things)["token"]
    client = closed.test_client()
    client.get(f"{API}/reports/{things.report}/stream?token={secret}").close()
    client.get(f"{API}/reports/{things.report}/stream?token={secret}x&wrong=1").close()
    client.get(f"{API}/reports?token={secret}").close()
    said = "".join(capfd.readouterr()) + caplog.text
    assert secret not in said


@pytest.fixture
def welcoming(make_app: MakeApp, guarded: Settings) -> FlaskClient:
    """A client of an app whose API a page of another site may use."""
    return make_app(replace(guarded, origins=(PAGE,))).test_client()


def test_a_page_of_a_named_origin_passes_its_preflight_and_reads_answers(
    welcoming: FlaskClient, acme: Caller, things: Things
) -> None:
    path = f"{API}/reports/{things.report}"
    ask = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = welcoming.options(f"{path}/cancel", headers=ask)
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, PAGE)
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    from_there = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}
    secret = token(acme, things, scopes=["read", "cancel"])["token"]
    seen = welcoming.get(path, headers={**bearer(secret), **from_there})
    assert (seen.status_code, seen.headers["Access-Control-Allow-Origin"], seen.vary.as_set()) == (
        200,
        PAGE,
        {"origin"},
    )
    assert "ETag" in seen.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in seen.headers
    assert welcoming.post(f"{path}/cancel", headers={**bearer(secret), **from_there}).status_code == 409
    refused = welcoming.get(path, headers={**bearer("andont_no"), **from_there})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, PAGE)


@pytest.mark.parametrize("origin", ["https://evil.example", f"{PAGE}.evil.example", f"{PAGE}:8443", "null"])
def test_a_page_of_any_other_origin_is_told_nothing(welcoming: FlaskClient, origin: str) -> None:
    ask = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    preflight = welcoming.options(f"{API}/reports", headers=ask)
    assert "Access-Control-Allow-Origin" not in preflight.headers
    assert welcoming.post(f"{API}/reports", json={}, headers={"Origin": origin}).status_code == 403


def test_a_page_of_a_named_origin_never_acts_with_a_session(
    welcoming: FlaskClient, make_key: MakeKey, things: Things
) -> None:
    answer = welcoming.post("/login", data={"key": make_key()})
    assert answer.status_code == 303
    assert welcoming.get(f"{API}/reports").status_code == 200
    assert welcoming.get(f"{API}/reports", headers={"Origin": PAGE}).status_code == 401
    assert "Access-Control-Allow-Origin" not in welcoming.get("/", headers={"Origin": PAGE}).headers


def test_where_no_keys_are_asked_for_a_token_means_the_same(client: Client, report: dict[str, Any]) -> None:
    made = client.post(f"{API}/reports/{report['id']}/tokens").json
    assert client.get(f"{API}/reports/{report['id']}", headers=bearer(made["token"])).status_code == 200
    assert client.get(f"{API}/reports", headers=bearer(made["token"])).status_code == 403
    assert client.get(f"{API}/reports", headers=bearer("andont_guess")).status_code == 401
