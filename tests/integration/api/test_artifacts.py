"""A report's files over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from andon.engine.ids import new_id
from tests.integration.api.conftest import Client

PAGE = b"<!doctype html><title>Sales</title>"


@pytest.fixture
def url(app: Flask, client: Client, report: dict[str, Any], database: psycopg.Connection[Any], tmp_path: Path) -> str:
    """The URL of a published `report.html`, as the report shows it."""
    local = tmp_path / "page"
    local.write_bytes(PAGE)
    app.extensions["andon"].storage.put_file(local, "default/key/report.html")
    database.execute(
        "INSERT INTO andon.artifacts (report_id, name, run_id, key, bytes, media_type)"
        " VALUES (%s, 'report.html', %s, 'default/key/report.html', %s, 'text/html')",
        [report["id"], new_id(), len(PAGE)],
    )
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
    whole = client.get(url)
    assert client.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304


def test_a_file_that_is_not_published_is_not_found(client: Client, report: dict[str, Any], url: str) -> None:
    for name in ("report.pdf", "..%2F..%2Fetc%2Fpasswd", "%00"):
        assert client.get(f"/api/v1/reports/{report['id']}/artifacts/{name}").status_code == 404
    assert client.get(url.replace(report["id"], "nonsense")).status_code == 404


def test_a_file_that_the_storage_has_lost_is_a_503(app: Flask, client: Client, url: str) -> None:
    app.extensions["andon"].storage.delete("default/key/report.html")
    assert client.get(url).status_code == 503
