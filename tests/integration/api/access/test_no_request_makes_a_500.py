"""Thousands of requests that nobody means well: every one of them gets an answer that blames the right side."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from andon.settings import Settings
from tests.integration.api.access.conftest import MakeKey, Things
from tests.integration.api.access.fuzz import Fuzzer, Request
from tests.integration.api.conftest import MakeApp

ENDLESS = "/stream"


@pytest.fixture
def guarded(settings: Settings) -> Settings:
    """Keys are asked for, and a key may call as often as it likes."""
    return replace(settings, auth="on", rate_limit=0)


def fuzz(app: Flask, seed: int, count: int, *, known: list[str], secret: str) -> Counter[int]:
    """Send so many requests; fails with those for which we took the blame. Returns how many got which status."""
    statuses: Counter[int] = Counter()
    failed = []
    with app.test_client() as client:
        for request in Fuzzer(app, seed, known=known, secret=secret).requests(count):
            status, said = send(client, request)
            statuses[status] += 1
            if status >= 500:
                failed.append(f"{status} for {request}: {said}")
    assert not failed, "\n".join(failed)
    return statuses


def send(client: FlaskClient, request: Request) -> tuple[int, str]:
    """The status and what was said; of a stream, its first message."""
    try:
        answer = client.open(request.path, buffered=False, **request.options())
    except (ValueError, UnicodeError) as error:
        if error.__traceback__ is not None and "werkzeug/test.py" in str(error.__traceback__.tb_next):
            return 0, str(error)
        raise
    try:
        if request.path.endswith(ENDLESS) and answer.status_code == 200:
            return answer.status_code, ""
        text = answer.get_data(as_text=True) if answer.mimetype != "application/octet-stream" else ""
        if answer.status_code >= 400 and answer.mimetype == "application/problem+json" and text:
            assert json.loads(text)["status"] == answer.status_code
        return answer.status_code, text[:500]
    finally:
        answer.close()


@pytest.mark.parametrize("seed", range(2))
def test_a_thousand_hostile_requests_make_no_500(closed: Flask, make_key: MakeKey, things: Things, seed: int) -> None:
    statuses = fuzz(closed, seed, 1000, known=ids(things), secret=make_key())
    assert {200, 400, 404, 422} <= statuses.keys()


@pytest.mark.slow
def test_fifty_thousand_hostile_requests_make_no_500(closed: Flask, make_key: MakeKey, things: Things) -> None:
    statuses = fuzz(closed, 4711, 50_000, known=ids(things), secret=make_key())
    print(f"{sum(statuses.values())} requests: {dict(sorted(statuses.items()))}")


def test_nor_do_they_where_no_keys_are_asked_for(make_app: MakeApp, settings: Settings, things: Things) -> None:
    fuzz(make_app(settings), 5, 500, known=ids(things), secret="none")


def ids(things: Things) -> list[str]:
    """What stands in a path or a body for something that is there."""
    return [
        things.report,
        things.run,
        things.dataset,
        things.event,
        things.cancellation,
        str(things.dead),
        "report.html",
    ]
