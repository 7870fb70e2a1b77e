"""An app that asks for keys, keys of two tenants, and things of the first."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from andon.adapters.postgres.access.keys import SCOPES, create_key
from andon.adapters.postgres.webhooks import create_webhook
from andon.engine.ids import new_id
from andon.settings import Settings
from tests.integration.api.conftest import CSV, MakeApp, MakeRun, move

MARK = "owned-by-acme"
API = "/api/v1"

MakeKey = Callable[..., str]


@pytest.fixture
def guarded(settings: Settings) -> Settings:
    """Settings under which callers need a key."""
    return replace(settings, auth="on")


@pytest.fixture
def closed(make_app: MakeApp, guarded: Settings) -> Flask:
    """An app that asks for keys."""
    return make_app(guarded)


@pytest.fixture
def make_key(database: psycopg.Connection[Any]) -> MakeKey:
    """Makes a key and returns its secret."""

    def make(tenant: str = "acme", scopes: Sequence[str] = SCOPES, name: str = "ann") -> str:
        return create_key(database, tenant, name, scopes)[1]

    return make


@dataclass(frozen=True)
class Caller:
    """A client with a key."""

    client: FlaskClient
    secret: str

    def open(self, path: str, method: str = "GET", **options: Any) -> Any:
        """A request with the key."""
        headers = {"Authorization": f"Bearer {self.secret}", **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)


@pytest.fixture
def caller(closed: Flask, make_key: MakeKey) -> Callable[..., Caller]:
    """Makes callers: `caller("acme", ["read"])`."""

    def make(tenant: str = "acme", scopes: Sequence[str] = SCOPES) -> Caller:
        return Caller(closed.test_client(), make_key(tenant, scopes))

    return make


@dataclass(frozen=True)
class Things:
    """The ids of what acme has: what stands in the routes' places."""

    report: str
    run: str
    done: str
    dataset: str
    event: str
    cancellation: str
    dead: int
    webhook: str
    artifact: str = "report.html"

    def path_values(self, endpoint: str) -> dict[str, Any]:
        """What a route's parameters are for these things."""
        group, _, action = endpoint.partition(".")
        kinds = {"reports": self.report, "artifacts": self.report, "runs": self.run, "datasets": self.dataset}
        kinds |= {"cancellations": self.cancellation, "events": self.event}
        if action in {"run", "cancel_run", "rerun"}:
            id: Any = self.run
        elif endpoint in {"artifacts.listed", "artifacts.download_of_run"}:
            id = self.done
        elif action == "replay_dead":
            id = self.dead
        elif group == "console" and ("webhook" in action or action in {"finish_rotation", "resend_delivery"}):
            id = self.webhook
        elif group == "console":
            id = {"event": self.event, "cancellation": self.cancellation}.get(action, self.report)
        else:
            id = kinds.get(group, self.report)
        return {
            "id": id,
            "name": self.artifact,
            "step": "only",
            "key": "none",
            "filename": "console.css",
            "code": "conflict",
            "kind": "report",
            "delivery": 1,
        }


@pytest.fixture
def things(
    closed: Flask, caller: Callable[..., Caller], make_run: MakeRun, database: psycopg.Connection[Any], tmp_path: Any
) -> Things:
    """One of everything, of the tenant acme; what can be read of it holds `MARK`."""
    acme = caller("acme")
    file = {"file": (io.BytesIO(CSV), f"{MARK}.csv")}
    dataset = acme.open(f"{API}/datasets", "POST", data=file).json["id"]
    body = {"title": MARK, "datasetId": dataset, "options": {}}
    report = acme.open(f"{API}/reports", "POST", json=body).json["id"]
    asked = acme.open(f"{API}/reports/{report}/generate", "POST").json
    run = make_run(asked["eventId"], report_id=report)
    database.execute(
        "UPDATE andon.runs SET status = 'failed', started_at = queued_at, ended_at = now(), error = %s WHERE id = %s",
        [f'{{"type": "ValueError", "message": "{MARK}"}}', run],
    )
    move(database, report, "failed", MARK)
    [event] = acme.open(f"{API}/events", "POST", json={"name": "a/b", "data": {"x": MARK}}).json["ids"]
    local = tmp_path / "page"
    local.write_text(MARK)
    closed.extensions["andon"].storage.put_file(local, "acme/key/report.html")
    done = new_id()
    database.execute(
        "INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, status, ended_at)"
        " SELECT %s, 'acme', 'other', event_seq, subject_id, 'completed', now() FROM andon.runs WHERE id = %s",
        [done, run],
    )
    database.execute(
        "INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type)"
        " VALUES (%s, 'report.html', 's', 'acme/key/report.html', %s, 'text/html')",
        [done, len(MARK)],
    )
    bulk = {"functionId": "generate-hybrid-report", "reason": MARK}
    cancellation = acme.open(f"{API}/cancellations", "POST", json=bulk).json["id"]
    found = database.execute(
        "INSERT INTO andon.dead_events (stream_id, tenant, fields, reason)"
        " VALUES ('1-0', 'acme', '[[\"bmFtZQ==\", \"/w==\"]]', %s) RETURNING id",
        [MARK],
    ).fetchone()
    assert found is not None
    webhook, _ = create_webhook(database, "acme", f"https://{MARK}.example/hook")
    return Things(report, str(run), str(done), dataset, event, cancellation, found[0], str(webhook))
