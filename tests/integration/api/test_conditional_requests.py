"""ETags, `If-None-Match`, `If-Match` and HEAD."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.integration.api.conftest import Client, MakeRun

API = "/api/v1"


def test_a_report_that_has_not_changed_is_not_sent_again(client: Client, report: dict[str, Any]) -> None:
    path = f"{API}/reports/{report['id']}"
    first = client.get(path)
    assert first.headers["ETag"].startswith('W/"1.')
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    client.patch(path, json={"title": "Other"})
    assert client.get(path, headers={"If-None-Match": first.headers["ETag"]}).json["title"] == "Other"


def test_progress_changes_the_tag(
    client: Client, report: dict[str, Any], make_run: MakeRun, database: psycopg.Connection[Any]
) -> None:
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    run_id = make_run(asked["eventId"], report_id=report["id"])
    for path in (f"{API}/reports/{report['id']}", f"{API}/runs/{run_id}"):
        tag = client.get(path).headers["ETag"]
        database.execute("UPDATE andon.runs SET progress = coalesce(progress, 0) + 0.25 WHERE id = %s", [run_id])
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_change_of_what_somebody_else_has_changed_is_refused(client: Client, report: dict[str, Any]) -> None:
    path = f"{API}/reports/{report['id']}"
    tag = client.get(path).headers["ETag"]
    assert client.patch(path, json={"title": "Mine"}, headers={"If-Match": tag}).status_code == 200
    late = client.patch(path, json={"title": "Theirs"}, headers={"If-Match": tag})
    assert (late.status_code, late.content_type) == (412, "application/problem+json")
    assert client.get(path).json["title"] == "Mine"
    assert client.patch(path, json={"title": "Any"}, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/reports", "/runs", "/events", "/functions", "/datasets", "/dead-events", "/audit", "/usage"]
)
def test_head_tells_what_get_would(client: Client, path: str) -> None:
    head, get = client.open(f"{API}{path}", method="HEAD"), client.get(f"{API}{path}")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_head_of_a_stream_leaves_no_stream_open(client: Client, report: dict[str, Any], app: Any) -> None:
    path = f"{API}/reports/{report['id']}"
    assert client.open(path, method="HEAD").headers["ETag"] == client.get(path).headers["ETag"]
    assert client.open(f"{path}/stream", method="HEAD").status_code == 200
    assert app.extensions["andon"].live.open_streams == 0
