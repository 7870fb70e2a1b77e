"""Every route of the app, walked by nobody, by each scope alone, and by another tenant who may do anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from andon.adapters.postgres.access.keys import SCOPES
from andon.settings import Settings
from andon_api.access.scopes import OPEN, scopes_of
from andon_api.access.scopes import SCOPES as DECIDED
from tests.integration.api.access.conftest import MARK, Caller, MakeKey, Things
from tests.integration.api.conftest import MakeApp

READING = ("GET", "HEAD")


def routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Every rule with each of its methods."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            yield rule, method


def path_of(app: Flask, rule: Rule, things: Things) -> str:
    """The rule's path with the things of acme in it."""
    with app.test_request_context():
        values = {name: things.path_values(rule.endpoint)[name] for name in rule.arguments}
        built: Any = rule.build(values)
        return str(built[1])


def guarded_routes(app: Flask, things: Things) -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """Endpoint, method, path and scopes of what takes a key."""
    for rule, method in routes(app):
        needed = scopes_of(rule.endpoint)
        assert needed is not None, f"{rule.endpoint} is not in andon_api.access.scopes"
        if needed != OPEN:
            yield rule.endpoint, method, path_of(app, rule, things), needed


def test_the_scope_of_every_route_is_decided_and_of_no_other(closed: Flask) -> None:
    assert {rule.endpoint for rule in closed.url_map.iter_rules()} == set(DECIDED)


def test_a_route_that_nobody_decided_about_is_refused(make_app: MakeApp, settings: Settings) -> None:
    app = make_app(settings)
    app.add_url_rule("/new", "new.route", lambda: "in")
    assert app.test_client().get("/new").status_code == 500


def test_nobody_comes_in_without_a_key(closed: Flask, things: Things) -> None:
    client = closed.test_client()
    for headers in ({}, {"Authorization": "Bearer andon_guess"}, {"Authorization": "Basic YTpi"}):
        for endpoint, method, path, _ in guarded_routes(closed, things):
            answer = client.open(path, method=method, headers=headers)
            if answer.status_code == 303:
                assert answer.headers["Location"].startswith("/login"), endpoint
            else:
                assert answer.status_code == 401, (endpoint, answer.status_code)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert MARK not in answer.text


def test_what_is_open_tells_nothing_of_anybody(closed: Flask, things: Things) -> None:
    for rule, method in routes(closed):
        if scopes_of(rule.endpoint) == OPEN and method == "GET":
            answer = closed.test_client().get(path_of(closed, rule, things))
            assert answer.status_code == 200, rule.endpoint
            assert MARK not in answer.text
            answer.close()


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_opens_its_routes_and_no_other(
    closed: Flask, caller: Callable[..., Caller], make_key: MakeKey, things: Things, scope: str
) -> None:
    who = caller("acme", [scope])
    refused = opened = 0
    for endpoint, method, path, needed in guarded_routes(closed, things):
        if endpoint == "inngest.send":
            path = f"/e/{who.secret}"
        answer = who.open(path, method)
        if scope in needed:
            opened += 1
            assert answer.status_code not in {401, 403, 303, 500} or endpoint == "login.leave", (endpoint, answer.text)
        else:
            refused += 1
            assert answer.status_code == 403, (endpoint, method, answer.status_code)
            assert MARK not in answer.text
        answer.close()
    assert opened
    assert refused


def test_another_tenant_finds_nothing_by_any_route(
    closed: Flask, caller: Callable[..., Caller], things: Things
) -> None:
    rival = caller("rival")
    walked = 0
    for rule, method in routes(closed):
        if scopes_of(rule.endpoint) == OPEN:
            continue
        path = path_of(closed, rule, things)
        if rule.endpoint == "inngest.send":
            path = f"/e/{rival.secret}"
        patch: dict[str, Any] = {"json": {"title": "mine"}} if method == "PATCH" else {}
        answer = rival.open(path, method, **patch)
        if "id" in rule.arguments:
            walked += 1
            assert answer.status_code == 404, (rule.endpoint, method, answer.status_code)
        assert MARK not in answer.text, rule.endpoint
        if answer.status_code == 200:
            assert not any(id in answer.text for id in (things.report, things.run, things.dataset, things.event))
        answer.close()
    assert walked > 20


def test_another_tenants_dataset_makes_no_report(caller: Callable[..., Caller], things: Things) -> None:
    rival = caller("rival")
    body = {"title": "mine", "datasetId": things.dataset}
    assert rival.open("/api/v1/reports", "POST", json=body).status_code == 422
    form = {"title": "mine", "dataset_id": things.dataset}
    assert rival.open("/reports", "POST", data=form).status_code == 422
    own = rival.open("/api/v1/reports", "POST", json={"title": "mine"}).json["id"]
    patched = rival.open(f"/api/v1/reports/{own}", "PATCH", json={"datasetId": things.dataset})
    assert patched.status_code == 422


def test_an_idempotency_key_of_one_tenant_gives_no_answer_to_another(caller: Callable[..., Caller]) -> None:
    body, headers = {"title": MARK}, {"Idempotency-Key": "same"}
    first = caller("acme").open("/api/v1/reports", "POST", json=body, headers=headers).json
    second = caller("rival").open("/api/v1/reports", "POST", json=body, headers=headers)
    assert second.status_code == 201
    assert second.json["id"] != first["id"]
    assert "Idempotency-Replayed" not in second.headers
