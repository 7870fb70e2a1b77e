"""Bulk cancels over HTTP: an expression is refused with a sentence, or tells of how many runs it has no value."""

from __future__ import annotations

import pytest

from tests.integration.api.conftest import Client, MakeRun

API = "/api/v1"


@pytest.fixture
def run_id(client: Client, make_run: MakeRun) -> str:
    """A queued run of the function f."""
    client.post(f"{API}/events", json={"name": "a/b", "id": "trigger", "data": {"n": 1, "a": list(range(30_000))}})
    return str(make_run("trigger", function_id="f"))


@pytest.mark.parametrize(
    ("expression", "matched", "failure"),
    [
        ("event.data.n == 1", 1, None),
        ("event.data.n / 0 == 1", 0, "a number is divided by zero"),
        ("event.data.missing == 1", 0, "there is no 'missing'"),
        ("event.data.a.all(x, x in event.data.a)", 0, "it takes more work than an evaluation may"),
    ],
)
def test_a_dry_run_tells_of_how_many_runs_the_expression_has_no_value(
    client: Client, run_id: str, expression: str, matched: int, failure: str | None
) -> None:
    body = {"functionId": "f", "if": expression, "dryRun": True}
    answer = client.post(f"{API}/cancellations", json=body).json
    assert (answer["matched"], answer["failedEvaluations"], answer["firstFailure"]) == (
        matched,
        int(failure is not None),
        failure,
    )


def test_the_console_tells_it_too(client: Client, run_id: str) -> None:
    page = client.post("/cancellations/count", data={"functionId": "f", "if": "1 / 0 == 1"}, headers=HTMX).text
    assert "Of 1 run the expression has no value" in page
    assert "divided by zero" in page


HTMX = {"HX-Request": "true"}


def test_an_expression_that_can_not_be_used_is_refused_with_a_sentence(client: Client, run_id: str) -> None:
    for expression, why in (("now() > 1", "no function now()"), ("(" * 100, "deeper"), ("x" * 1_001, "at most 1000")):
        answer = client.post(f"{API}/cancellations", json={"functionId": "f", "if": expression})
        assert answer.status_code == 422
        assert why in answer.json["errors"][0]["detail"]
