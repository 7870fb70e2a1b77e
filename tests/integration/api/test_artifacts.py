"""Files of runs and reports over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask

from tests.integration.api.conftest import Client, MakeRun, move

PAGE = b"<!doctype html><title>Sales</title>"


@pytest.fixture
def run(
    client: Client, report: dict[str, Any], make_run: MakeRun, database: psycopg.Connection[Any]
) -> Callable[[str], UUID]:
    """Makes runs of the report that have ended so."""

    def make(status: str) -> UUID:
        made = make_run(client.post(f"/api/v1/reports/{report['id']}/generate").json["eventId"], report_id=report["id"])
        database.execute("UPDATE andon.runs SET status = %s, ended_at = now() WHERE id = %s", [status, made])
        move(database, report["id"], {"running": "active"}.get(status, status))
        return made

    return make


@pytest.fixture
def store(app: Flask, database: psycopg.Connection[Any], tmp_path: Path) -> Callable[..., None]:
    """Stores a file of a run as a step does."""

    def store(run: UUID, name: str = "report.html", content: bytes = PAGE) -> None:
        local, key = tmp_path / "page", f"default/runs/{run}/{name}"
        local.write_bytes(content)
        app.extensions["andon"].storage.put_file(local, key)
        database.execute(
            "INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type)"
            " VALUES (%s, %s, 's', %s, %s, 'text/html')",
            [run, name, key, len(content)],
        )

    return store


@pytest.fixture
def url(client: Client, report: dict[str, Any], run: Callable[[str], UUID], store: Callable[..., None]) -> str:
    """The URL of a published `report.html`, as the report shows it."""
    store(run("completed"))
    [shown] = client.get(f"/api/v1/reports/{report['id']}").json["artifacts"]
    assert (shown["name"], shown["bytes"], shown["mediaType"]) == ("report.html", len(PAGE), "text/html")
    return str(shown["url"])


def test_a_file_is_saved_under_its_name(client: Client, url: str) -> None:
    answer = client.get(url)
    assert answer.data == PAGE
    assert answer.headers["Content-Disposition"] == "attachment; filename=report.html"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "text/html"


def test_a_page_that_is_shown_is_sandboxed(client: Client, url: str) -> None:
    answer = client.get(f"{url}?inline=1")
    assert answer.headers["Content-Disposition"].startswith("inline")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox")
    assert "allow-same-origin" not in policy


def test_ranges_and_conditions_work(client: Client, url: str) -> None:
    part = client.get(url, headers={"Range": "bytes=2-8"})
    assert (part.status_code, part.data) == (206, PAGE[2:9])
    assert client.get(url, headers={"Range": f"bytes={len(PAGE)}-"}).status_code == 416
    whole = client.get(url)
    assert client.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("range", ["items=0-5", "lines=2-8", "bytes", "bytes=0-1,3-4", "bytes=x"])
def test_a_range_of_what_is_not_known_is_none(client: Client, url: str, range: str) -> None:
    whole = client.get(url, headers={"Range": range})
    assert (whole.status_code, whole.data) == (200, PAGE)


def test_a_file_that_is_not_published_is_not_found(client: Client, report: dict[str, Any], url: str) -> None:
    for name in ("report.pdf", "..%2F..%2Fetc%2Fpasswd", "%00"):
        assert client.get(f"/api/v1/reports/{report['id']}/artifacts/{name}").status_code == 404
    assert client.get(url.replace(report["id"], "nonsense")).status_code == 404


def test_a_file_that_the_storage_has_lost_is_a_503(app: Flask, client: Client, url: str) -> None:
    [stored] = app.extensions["andon"].storage.list("default/runs")
    app.extensions["andon"].storage.delete(stored.key)
    assert client.get(url).status_code == 503


def test_a_run_lists_and_sends_its_own_files(client: Client, run: Callable[[str], UUID], store: Any) -> None:
    completed = run("completed")
    store(completed, "größe 1.html", b"1")
    store(completed, "a.html", b"22")
    listed = client.get(f"/api/v1/runs/{completed}/artifacts").json["items"]
    assert [(each["name"], each["bytes"]) for each in listed] == [("a.html", 2), ("größe 1.html", 1)]
    assert client.get(f"/api/v1/runs/{completed}").json["artifacts"] == listed
    assert [client.get(each["url"]).data for each in listed] == [b"22", b"1"]
    assert "größe 1.html" in client.get(f"/runs/{completed}").text


@pytest.mark.parametrize("status", ["running", "cancelled", "failed"])
def test_a_run_that_has_not_completed_has_published_nothing(
    client: Client, report: dict[str, Any], run: Callable[[str], UUID], store: Any, url: str, status: str
) -> None:
    other = run(status)
    store(other, content=b"half of it")
    assert client.get(f"/api/v1/runs/{other}/artifacts").json == {"items": []}
    assert client.get(f"/api/v1/runs/{other}/artifacts/report.html").status_code == 404
    assert client.get(f"/api/v1/runs/{other}").json["artifacts"] == []
    assert client.get(url).data == PAGE, "the report shows those of its newest completed run"


def test_a_report_shows_the_files_of_its_newest_completed_run_alone(
    client: Client, report: dict[str, Any], run: Callable[[str], UUID], store: Any, url: str
) -> None:
    store(run("completed"), "report.pdf", b"%PDF")
    [shown] = client.get(f"/api/v1/reports/{report['id']}").json["artifacts"]
    assert (shown["name"], client.get(shown["url"]).data) == ("report.pdf", b"%PDF")
    assert client.get(url).status_code == 404


def test_a_deleted_report_leaves_no_files_behind(
    client: Client, report: dict[str, Any], run: Callable[[str], UUID], store: Any, database: psycopg.Connection[Any]
) -> None:
    store(run("completed"))
    store(run("cancelled"))
    assert client.delete(f"/api/v1/reports/{report['id']}").status_code == 204
    assert database.execute("SELECT count(*) FROM andon.run_artifacts").fetchone() == (0,)


def test_a_run_that_is_not_there_has_no_list(client: Client, url: str) -> None:
    for id in ("nonsense", "00000000-0000-7000-8000-000000000000"):
        assert client.get(f"/api/v1/runs/{id}/artifacts").status_code == 404
