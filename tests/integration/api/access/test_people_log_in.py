"""The console behind keys: logging in and out, what the cookie is worth, and requests that others forge."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from andon.settings import Settings
from tests.integration.api.access.conftest import Caller, MakeKey
from tests.integration.api.conftest import MakeApp
from tests.integration.api.test_console import menu
from tests.support.polling import wait_until

HTMX = {"HX-Request": "true"}
LogIn = Callable[..., FlaskClient]


@pytest.fixture
def log_in(closed: Flask, make_key: MakeKey) -> LogIn:
    """A client that has logged in as a browser would."""

    def make(**key: Any) -> FlaskClient:
        client = closed.test_client()
        answer = client.post("/login", data={"key": make_key(**key), "next": "/runs"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/runs")
        return client

    return make


def token_of(client: FlaskClient) -> str:
    """The token that the console's pages carry."""
    found = re.search(r'name="csrf-token" content="([0-9a-f]{64})"', client.get("/").text)
    assert found is not None
    return found[1]


def test_a_page_asks_to_log_in_and_comes_back(closed: Flask) -> None:
    answer = closed.test_client().get("/runs?status=failed")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2Fruns%3Fstatus%3Dfailed")
    page = closed.test_client().get(answer.headers["Location"])
    assert 'name="next" value="/runs?status=failed"' in page.text


@pytest.mark.parametrize("scopes", [["admin", "read"], ["read"]])
def test_a_page_that_is_not_there_has_the_menu_of_who_looks_for_it(log_in: LogIn, scopes: list[str]) -> None:
    client = log_in(scopes=scopes)
    nowhere = client.get("/no/such/page", headers={"Accept": "text/html"})
    assert (nowhere.status_code, menu(nowhere.text)) == (404, menu(client.get("/runs").text))
    assert ("/audit" in menu(nowhere.text)) == ("admin" in scopes)


def test_an_open_page_whose_session_ended_is_sent_to_log_in(closed: Flask) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://localhost/reports/1?x=2"}
    answer = closed.test_client().get("/reports/1", headers=headers)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login?next=%2Freports%2F1%3Fx%3D2")


def test_a_key_opens_the_console_and_the_cookie_is_out_of_scripts_reach(closed: Flask, make_key: MakeKey) -> None:
    client = closed.test_client()
    secret = make_key()
    answer = client.post("/login", data={"key": f" {secret} "})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert secret not in cookie
    page = client.get("/")
    assert page.status_code == 200
    assert "ann" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert client.get("/api/v1/reports").status_code == 200


def test_over_https_the_cookie_is_secure_and_browsers_are_told_to_stay(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey
) -> None:
    client = make_app(replace(guarded, proxies=1)).test_client()
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "andon.example", "Origin": "https://andon.example"}
    answer = client.post("/login", data={"key": make_key()}, headers=headers)
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize("secret", ["", "andon_guess", "x" * 1_000, "andon_\x00", "' OR 1=1 --"])
def test_what_is_no_key_opens_nothing(closed: Flask, secret: str) -> None:
    answer = closed.test_client().post("/login", data={"key": secret})
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (401, False)
    assert "is not known, has run out or was revoked" in answer.text


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\r\nX: y", ""]
)
def test_nobody_is_sent_to_another_site(closed: Flask, make_key: MakeKey, target: str) -> None:
    answer = closed.test_client().post("/login", data={"key": make_key(), "next": target})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "X" not in answer.headers


def test_logging_out_ends_it_in_this_browser(log_in: LogIn) -> None:
    client = log_in()
    answer = client.post("/logout", data={"csrf_token": token_of(client)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert client.get("/").status_code == 303


def test_a_cookie_that_was_changed_is_worth_nothing(closed: Flask, log_in: LogIn) -> None:
    cookie = log_in().get_cookie("andon_session")
    assert cookie is not None
    id, until, nonce, signature = cookie.value.split(".")
    later = f"{id}.{int(until) + 1}.{nonce}.{signature}"
    for changed in (later, f"{id}.{until}.{nonce}.{'0' * 64}", f"{id}.{until}.{nonce}.", "...", "ä.1.2.3", "x" * 3000):
        client = closed.test_client()
        client.set_cookie("andon_session", changed)
        assert client.get("/").status_code == 303


def test_a_session_ends_with_its_time(make_app: MakeApp, guarded: Settings, make_key: MakeKey) -> None:
    client = make_app(replace(guarded, session_hours=0.0)).test_client()
    cookie = client.post("/login", data={"key": make_key()}).headers["Set-Cookie"]
    value = cookie.partition("=")[2].partition(";")[0]
    client.set_cookie("andon_session", value)
    assert client.get("/").status_code == 303


def test_a_session_ends_with_its_key(log_in: LogIn, database: psycopg.Connection[Any]) -> None:
    client = log_in()
    assert client.get("/").status_code == 200
    database.execute("UPDATE andon.api_keys SET revoked_at = now()")
    wait_until(lambda: client.get("/").status_code == 303, what="the session's end")


def test_a_cookie_signed_with_another_secret_is_worth_nothing(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey
) -> None:
    one, other = (make_app(replace(guarded, secret_key=each)).test_client() for each in ("one", "other"))
    one.post("/login", data={"key": make_key()})
    cookie = one.get_cookie("andon_session")
    assert cookie is not None
    other.set_cookie("andon_session", cookie.value)
    assert one.get("/").status_code == 200
    assert other.get("/").status_code == 303


def test_a_cookie_alone_changes_nothing(log_in: LogIn) -> None:
    client = log_in()
    form = {"name": "a/b", "data": "{}"}
    assert client.post("/events", data=form, headers=HTMX).status_code == 403
    assert client.post("/events", data={**form, "csrf_token": "0" * 64}, headers=HTMX).status_code == 403
    assert client.post("/api/v1/events", json={"name": "a/b"}).status_code == 403
    assert client.post("/logout").status_code == 403
    token = token_of(client)
    assert client.post("/events", data=form, headers={**HTMX, "X-CSRF-Token": token}).status_code == 200
    assert client.post("/api/v1/events", json={"name": "a/b"}, headers={"X-CSRF-Token": token}).status_code == 202


def test_the_token_of_one_session_is_none_of_anothers(log_in: LogIn) -> None:
    one, other = log_in(), log_in()
    answer = one.post("/logout", data={"csrf_token": token_of(other)})
    assert answer.status_code == 403


def test_renderings_that_tabs_share_hold_no_token(log_in: LogIn) -> None:
    client = log_in()
    token = token_of(client)
    assert token not in client.get("/", headers=HTMX).text


def test_renderings_are_not_shared_between_keys_or_tenants(caller: Callable[..., Caller]) -> None:
    acme, rival = caller("acme"), caller("rival")
    acme.open("/api/v1/reports", "POST", json={"title": "owned-by-acme"})
    assert "owned-by-acme" in acme.open("/reports", headers=HTMX).text
    assert "owned-by-acme" not in rival.open("/reports", headers=HTMX).text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:99"])
def test_forms_on_other_sites_act_on_nothing(client: FlaskClient, log_in: LogIn, origin: str) -> None:
    for each in (client, log_in()):
        answer = each.post("/events", data={"name": "a/b"}, headers={"Origin": origin})
        assert answer.status_code == 403
        assert "other sites" in answer.text


def test_without_keys_a_strangers_name_for_this_machine_is_refused(client: FlaskClient) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000"):
        assert client.get("/api/v1/reports", headers={"Host": host}).status_code == 403
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "andon.localhost"):
        assert client.get("/api/v1/reports", headers={"Host": host}).status_code == 200


def test_every_answer_carries_the_headers_that_browsers_obey(client: FlaskClient, closed: Flask) -> None:
    for path in ("/", "/docs", "/api/v1/reports", "/api/v1/openapi.json", "/metrics", "/nothing", "/login"):
        for each in (client, closed.test_client()):
            headers = each.get(path).headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
            assert "camera=()" in headers["Permissions-Policy"]
