"""Request metrics, and `/metrics` where it has no port of its own. One registry per app: nothing is global."""

import time

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from andon_api.live_feed import LiveFeed

EXTENSION = "andon-metrics"
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def install(app: Flask, live: LiveFeed, *, public: bool) -> None:
    """Count and time every request of `app` by route, never by path. `public` is whether `app` serves `/metrics`."""
    registry = app.extensions[EXTENSION] = CollectorRegistry()
    labels = ["method", "route"]
    counted = Counter("andon_api_requests", "Requests answered", [*labels, "status"], registry=registry)
    timed = Histogram(
        "andon_api_request_seconds",
        "Time to answer, without that of Prefer: wait",
        labels,
        buckets=BUCKETS,
        registry=registry,
    )
    Gauge("andon_api_streams", "Open event streams", registry=registry).set_function(lambda: live.open_streams)

    def start() -> None:
        g.started = time.perf_counter()

    def stop(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in KNOWN_METHODS else "other"
        counted.labels(method, route, response.status_code).inc()
        took = time.perf_counter() - g.get("started", time.perf_counter())
        timed.labels(method, route).observe(took - g.get("waited", 0.0))
        return response

    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    app.before_request(start)
    app.after_request(stop)
    if public:
        app.register_blueprint(blueprint)


KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "TRACE"})
