"""The Flask app: every dependency is an argument, nothing connects before the first request."""

from __future__ import annotations

import threading

from flask import Flask, Response, request
from redis import Redis

from andon.adapters.redis.connect import connect, connect_blocking
from andon.adapters.storage import Storage
from andon.settings import Settings
from andon_api import console, database, docs, examples, metrics, rest
from andon_api.live import LiveFeed
from andon_api.problems import Problem
from andon_api.publisher import Publisher
from andon_api.routes import artifacts, cancellations, datasets, events, health, inngest, reports, runs, streams
from andon_api.services import INSPECTIONS_AT_ONCE, Services
from andon_api.uploads import Request

LARGEST_JSON = 16 * 1024 * 1024
REDIS_PATIENCE = 0.15  # seconds; tried three times
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class App(Flask):
    """Flask, with uploads that go to disk."""

    request_class = Request


def create_app(
    settings: Settings,
    *,
    redis: Redis | None = None,
    storage: Storage | None = None,
    live: LiveFeed | None = None,
) -> Flask:
    """The API and the console, serving `settings`' database."""
    app = App("andon_api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_JSON
    app.json.sort_keys = False  # type: ignore[attr-defined]
    redis = redis or connect(settings.redis_url, name="api", timeout=REDIS_PATIENCE)
    live = live or LiveFeed(
        lambda: connect_blocking(settings.redis_url, name="api-live"), most=max(1, settings.api_threads // 2)
    )
    Services(
        settings=settings,
        redis=redis,
        storage=storage or Storage(settings.storage_url),
        publisher=Publisher(redis),
        live=live,
        inspecting=threading.Semaphore(INSPECTIONS_AT_ONCE),
    ).install(app)
    database.install(app, settings)
    metrics.install(app, live)
    app.before_request(_refuse_other_sites)
    app.after_request(_harden)
    api = rest.install(app)
    for module in (reports, runs, events, datasets, artifacts, streams, cancellations):
        api.register_blueprint(module.blueprint)
    examples.add_to(api)
    for plain in (inngest.blueprint, health.blueprint, docs.blueprint(api), console.blueprint()):
        app.register_blueprint(plain)
    return app


def _refuse_other_sites() -> None:
    """A page of another site may not act here with the rights of the browser that shows it."""
    if request.method not in SAFE_METHODS and request.headers.get("Sec-Fetch-Site") in {
        "cross-site",
        "same-site",
    }:
        raise Problem(403, "Requests from pages of other sites are refused.")


def _harden(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
