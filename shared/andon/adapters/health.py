"""`/healthz`, `/readyz` and `/metrics` on `ANDON_HEALTH_PORT`, apart from whatever else a process serves."""

import json
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from andon.settings import SettingsError

log = logging.getLogger(__name__)
STALLED_SECONDS = 60.0
"""A loop that hasn't turned for so long hangs. Far above the ten seconds in which a dead connection is noticed."""

Complaint = Callable[[], str | None]
"""Says in a sentence what is wrong, or None."""


def stalled(what: str, age: Callable[[], float], *, limit: float = STALLED_SECONDS) -> Complaint:
    """Complain when the loop named `what` hasn't turned for `limit` seconds. It turns while a store is away, too."""

    def complain() -> str | None:
        seconds = age()
        return f"{what} has not turned for {seconds:.0f} s" if seconds > limit else None

    return complain


class HealthServer:
    """Answers probes from a thread of its own. Liveness says whether the process works, never whether a store does."""

    def __init__(
        self, host: str, port: int, *, live: Complaint, ready: Complaint, registry: CollectorRegistry, release: str = ""
    ) -> None:
        _tell_what_runs(registry, release)
        self._probes: dict[str, Complaint] = {"/healthz": live, "/readyz": lambda: live() or ready()}
        self._registry = registry
        try:
            self._server = _Server((host, port), _handler(self.answer))
        except (OSError, OverflowError) as error:
            raise SettingsError(f"ANDON_HEALTH_PORT {port} can't be listened on at {host}: {error}") from None
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name="andon-health")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, media type and body for a path."""
        if path == "/metrics":
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(self._registry)
        if path not in self._probes:
            return HTTPStatus.NOT_FOUND, "text/plain", b"there are /healthz, /readyz and /metrics\n"
        complaint = self._probes[path]()
        body = {"status": "ok"} if complaint is None else {"status": "unavailable", "reason": complaint}
        status = HTTPStatus.OK if complaint is None else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "application/json", json.dumps(body).encode() + b"\n"


def _tell_what_runs(registry: CollectorRegistry, release: str) -> None:
    """So that a graph shows since when which one runs. `release` is the installation's name for what it deployed."""
    build = Gauge("andon_build_info", "1, with what runs here as labels", ["version", "release"], registry=registry)
    build.labels(version("andon"), release).set(1)


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a slow scrape must hold up neither a probe nor the end of the process


def _handler(answer: Callable[[str], tuple[HTTPStatus, str, bytes]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_GET(self) -> None:
            status, media_type, body = answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            log.debug(format, *args)

    return Handler
