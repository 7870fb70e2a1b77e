"""The API on real stores, called in-process; and the rows that only a dispatcher or a worker would write."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from redis import Redis
from werkzeug.routing import Rule

from andon.engine.ids import new_id
from andon.settings import Settings
from andon_api.app import create_app
from andon_api.asks.inspections import Inspections
from andon_api.asks.reading_places import Left
from andon_api.console.home import known_reports
from andon_api.database import db
from andon_api.services import KEY
from tests.integration.api.answers import hold

CSV = b"day,region,amount\n" + b"".join(b"2026-01-%02d,north,%d\n" % (day, day * 3) for day in range(1, 29))


class Client(Protocol):
    """What the tests use of Flask's test client."""

    def get(self, path: str, **options: Any) -> Any: ...

    def post(self, path: str, **options: Any) -> Any: ...

    def patch(self, path: str, **options: Any) -> Any: ...

    def delete(self, path: str, **options: Any) -> Any: ...

    def open(self, path: str, **options: Any) -> Any: ...


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of one test: its own database and storage."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        storage_url=f"file://{tmp_path / 'storage'}",
        api_threads=8,
        upload_limit_bytes=200_000,
    )


class KnownInspections(Inspections):
    """Inspections by processes of their own, but for what one has read before: most tests upload the same file."""

    known: ClassVar[dict[tuple[object, ...], Mapping[str, Any]]] = {}

    def inspect(self, path: Path, name: str, given: Mapping[str, Any], *, tenant: str, left: Left) -> Mapping[str, Any]:
        asked = (path.read_bytes(), name, json.dumps(given), self._settings.unpacked_limit_bytes)
        if asked not in self.known:
            self.known[asked] = super().inspect(path, name, given, tenant=tenant, left=left)
        return self.known[asked]


@pytest.fixture(scope="session")
def compiled_rules() -> Iterator[None]:
    """What werkzeug compiles of a route is the same in each app, and most of what it takes to make one."""
    known: dict[tuple[object, ...], Callable[..., Any]] = {}
    compile = Rule._compile_builder

    def compiled(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        asked = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if asked not in known:
            known[asked] = compile(rule, append_unknown)
        return known[asked]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compiled)
        yield


class MakeApp(Protocol):
    """Makes an app on these settings, and with this kind of inspections."""

    def __call__(self, settings: Settings, inspections: type[Inspections] = ...) -> Flask: ...


@pytest.fixture
def make_app(database_url: str, compiled_rules: None) -> Iterator[MakeApp]:
    """Makes apps whose pools are closed with the test, before its database is given back."""
    with ExitStack() as stack:

        def make(settings: Settings, inspections: type[Inspections] = KnownInspections) -> Flask:
            made = create_app(settings)
            replace(made.extensions[KEY], inspections=inspections(settings)).install(made)
            hold(made)
            stack.callback(close, made)
            return made

        yield make


def close(app: Flask) -> None:
    """Close what the app has opened, and forget what the process knows of its database."""
    known_reports.clear()
    services = app.extensions["andon"]
    services.live.close()
    services.redis.close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(make_app: MakeApp, settings: Settings) -> Flask:
    """The app on the test's stores."""
    return make_app(settings)


@pytest.fixture
def client(app: Flask) -> Client:
    """A client of the app."""
    return app.test_client()


@pytest.fixture
def database(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """The test's own view of the database, autocommitting."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def bus(settings: Settings) -> Iterator[Redis]:
    """The test's own view of Redis."""
    with Redis.from_url(settings.redis_url) as redis:
        yield redis


@pytest.fixture
def dataset(client: Client) -> dict[str, Any]:
    """An uploaded dataset."""
    answer = client.post("/api/v1/datasets", data={"file": (io.BytesIO(CSV), "sales.csv")})
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


@pytest.fixture
def report(client: Client, dataset: dict[str, Any]) -> dict[str, Any]:
    """An idle report on that dataset."""
    answer = client.post("/api/v1/reports", json={"title": "Sales", "datasetId": dataset["id"], "options": {}})
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def move(database: psycopg.Connection[Any], report: str, status: str, error: str | None = None) -> None:
    """Let the report's subject be so, and its row follow it, as the settling of its run does."""
    database.execute(
        "UPDATE andon.subjects s SET status = %s, error = %s WHERE key = %s RETURNING andon.follow(s)",
        [status, error, report],
    )


MakeRun = Callable[..., UUID]


@pytest.fixture
def make_run(database: psycopg.Connection[Any]) -> MakeRun:
    """Do what the dispatcher does with an event: make its run, and tie the report's subject to it."""

    def make(event_id: str, *, function_id: str = "generate-hybrid-report", report_id: str | None = None) -> UUID:
        run_id = new_id()
        database.execute(
            "INSERT INTO andon.functions (id, module, trigger, cancel_on, settings)"
            " VALUES (%s, 'tests', 'report/generation.requested', %s, %s) ON CONFLICT DO NOTHING",
            [
                function_id,
                json.dumps([{"event": "report/generation.cancelled", "match": "data.reportId"}]),
                json.dumps({"triggers": [{"event": "report/generation.requested", "if": None}]}),
            ],
        )
        database.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id)"
            " SELECT %s, e.tenant, %s, e.seq, s.id FROM andon.events e LEFT JOIN andon.subjects s"
            " ON s.tenant = e.tenant AND s.kind = 'report' AND s.key = %s WHERE e.id = %s",
            [run_id, function_id, report_id, event_id],
        )
        if report_id is not None:
            database.execute("UPDATE andon.subjects SET current_run_id = %s WHERE key = %s", [run_id, report_id])
        return run_id

    return make
