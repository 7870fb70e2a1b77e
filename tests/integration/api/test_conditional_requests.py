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
    assert first.headers["ETag"].startswith(f'"{report["id"]}.1.')
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


MANY = " ," * 500
STALE = ['""', '"*"', 'W/""', '"x"', 'W/"{tag}"', "nonsense", '"a', '"x", "y"', "", f'"a"{MANY}x', MANY]


@pytest.mark.parametrize("stale", STALE)
@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", ""), ("DELETE", ""), ("POST", "/generate"), ("POST", "/cancel"), ("GET", "")],
)
def test_nothing_happens_to_a_version_that_is_not_the_one_named(
    client: Client, report: dict[str, Any], method: str, path: str, stale: str
) -> None:
    there = f"{API}/reports/{report['id']}"
    first = client.get(there)
    tag = first.headers["ETag"].strip('"')
    answer = (
        client.open(
            f"{there}{path}",
            method=method,
            json={} if method == "POST" else None,
            headers={"If-Match": stale.format(tag=tag)},
        )
        if method != "PATCH"
        else client.patch(there, json={"title": "Other"}, headers={"If-Match": stale.format(tag=tag)})
    )
    assert (answer.status_code, answer.content_type) == (412, "application/problem+json")
    assert client.get(there).json == first.json


def test_a_tag_of_one_report_says_nothing_of_another(client: Client, report: dict[str, Any]) -> None:
    other = client.post(f"{API}/reports", json={"title": "Other"}).json
    tag = client.get(f"{API}/reports/{report['id']}").headers["ETag"]
    assert client.delete(f"{API}/reports/{other['id']}", headers={"If-Match": tag}).status_code == 412
    assert client.delete(f"{API}/reports/{report['id']}", headers={"If-Match": tag}).status_code == 204


def test_a_request_and_a_cancel_happen_to_the_version_that_is_named(
    client: Client, report: dict[str, Any], make_run: MakeRun
) -> None:
    path = f"{API}/reports/{report['id']}"
    tag = client.get(path).headers["ETag"]
    asked = client.post(f"{path}/generate", headers={"If-Match": tag})
    assert asked.status_code == 202
    run_id = make_run(asked.json["eventId"], report_id=report["id"])
    assert client.post(f"{path}/cancel", headers={"If-Match": tag}).status_code == 412
    newer = client.get(path).headers["ETag"]
    cancelled = client.post(f"{path}/cancel", headers={"If-Match": newer})
    assert (cancelled.status_code, cancelled.json["runId"]) == (202, str(run_id))


def test_a_run_is_cancelled_as_it_was_seen(client: Client, report: dict[str, Any], make_run: MakeRun) -> None:
    asked = client.post(f"{API}/reports/{report['id']}/generate").json
    path = f"{API}/runs/{make_run(asked['eventId'], report_id=report['id'])}"
    tag = client.get(path).headers["ETag"]
    assert client.delete(path, headers={"If-Match": '"x"'}).status_code == 412
    assert client.delete(path, headers={"If-Match": tag}).status_code == 202
    assert client.delete(path, headers={"If-Match": tag}).status_code == 412


def test_if_none_match_keeps_a_change_from_what_is_there(client: Client, report: dict[str, Any]) -> None:
    path = f"{API}/reports/{report['id']}"
    tag = client.get(path).headers["ETag"]
    for none in ("*", tag, f"W/{tag}"):
        assert client.patch(path, json={"title": "Other"}, headers={"If-None-Match": none}).status_code == 412
    for other in ('"x"', '"*"'):
        assert client.patch(path, json={"title": "Other"}, headers={"If-None-Match": other}).status_code == 200


def test_where_there_are_no_versions_none_can_be_named(client: Client) -> None:
    for path, body in (("/reports", {"title": "x"}), ("/events", {"name": "a/b"})):
        assert client.post(f"{API}{path}", json=body, headers={"If-Match": '"x"'}).status_code == 412
        assert client.post(f"{API}{path}", json=body, headers={"If-Match": "*"}).status_code in {201, 202}
