"""The Flask app: every dependency is an argument, nothing connects before the first request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from andon.adapters.redis.connect import connect, connect_blocking
from andon.adapters.storage import Storage
from andon.settings import Settings
from andon_api import access, console, database
from andon_api.access.admission import EXTENSION as ADMISSION
from andon_api.access.admission import Admission
from andon_api.asks.inspections import Inspections
from andon_api.console import login
from andon_api.http import rest
from andon_api.http.bodies import LARGEST, MOST_PARTS, Request
from andon_api.http.one_each import OneEach
from andon_api.http.paths import Addresses
from andon_api.http.rest import View
from andon_api.live_feed import LiveFeed
from andon_api.looks import Looks
from andon_api.publisher import Publisher
from andon_api.routes import (
    artifacts,
    audit,
    cancellations,
    datasets,
    docs,
    events,
    functions,
    health,
    inngest,
    keeping,
    logs,
    pauses,
    reports,
    runs,
    schedules,
    streams,
    subjects,
    tokens,
    usage,
    webhooks,
    workers,
)
from andon_api.services import Services
from andon_api.share import Share
from andon_api.signals import access_log, metrics, refusing

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

MOST_STREAMS = 2000  # of one process
REDIS_PATIENCE = 0.15  # seconds; tried three times


class App(Flask):
    """Flask, with uploads that go to disk, ids of any text, and without asking at each call whether a view is async."""

    request_class = Request
    url_map_class = Addresses

    def ensure_sync(self, func: View) -> View:
        """The function itself: none of ours is async."""
        return func


def create_app(settings: Settings, *, tracing: Tracing | None = None) -> Flask:
    """The API and the console, serving `settings`' database."""
    app = App("andon_api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    app.config["MAX_FORM_PARTS"] = MOST_PARTS
    app.json.sort_keys = False  # type: ignore[attr-defined]
    redis = connect(settings.redis_url, name="api", timeout=REDIS_PATIENCE)
    live = LiveFeed(
        lambda: connect_blocking(settings.redis_url, name="api-live"),
        streams=_share(MOST_STREAMS, settings),
        waits=_share(max(1, settings.api_threads // 2), settings),
    )
    Services(
        settings=settings,
        redis=redis,
        storage=Storage(settings.storage_url),
        publisher=Publisher(redis, traced=tracing is not None),
        live=live,
        inspections=Inspections(settings),
        looks=Looks(),
        costly=OneEach(),
        large=OneEach(most=2),
    ).install(app)
    if tracing is not None:
        from andon_api.signals.tracing import install

        install(app, tracing)
    database.install(app, settings)
    metrics.install(app, live, public=not settings.health_port)
    refusing.install(app, redis)
    access_log.install(app, told=settings.access_log == "on")
    access.install(app, settings, redis)
    app.extensions[ADMISSION] = Admission(settings.queued_runs_limit)
    api = rest.install(app)
    for module in (
        reports,
        runs,
        events,
        functions,
        datasets,
        artifacts,
        subjects,
        streams,
        logs,
        tokens,
        cancellations,
        pauses,
        schedules,
        audit,
        usage,
        keeping,
        webhooks,
        workers,
    ):
        api.register_blueprint(module.blueprint)
    for plain in (inngest.blueprint, health.blueprint, docs.blueprint(api), console.blueprint(), login.blueprint()):
        app.register_blueprint(plain)
    return app


def _share(most: int, settings: Settings) -> Share:
    """So many, of which no tenant takes all where there are several."""
    return Share(most, max(1, most * 3 // 4) if settings.requires_keys else most)
