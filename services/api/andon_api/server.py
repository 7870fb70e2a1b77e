"""gunicorn, embedded: threads in one process, or in several."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from andon.adapters.health import HealthServer
from andon.adapters.tracing import start_tracing
from andon.process import leave
from andon.scratch import make_scratch
from andon.settings import Settings, SettingsError
from andon_api.app import create_app
from andon_api.late_schema import start_checking_schema
from andon_api.live_feed import LiveFeed
from andon_api.services import KEY
from andon_api.serving import EventWorker
from andon_api.signals.metrics import EXTENSION as METRICS

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing


log = logging.getLogger(__name__)
MOST_CONNECTIONS = 4096  # of one process, as far as it may have descriptors for them


class ServerLog(Logger):  # type: ignore[misc]
    """What gunicorn says of itself, as lines like ours."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.setLevel(max(self.loglevel, logging.INFO))  # below, it tells paths, which can hold a key
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """The app under gunicorn; it is made after the fork, so that no socket or thread is shared."""

    def __init__(self, settings: Settings, *, schema_fits: bool) -> None:
        self.settings = settings
        self._schema_fits = schema_fits
        self._tracing: Tracing | None = None
        self._scratch: Path | None = None
        super().__init__()

    @property
    def most_of_bodies(self) -> int:
        """Bytes of bodies that may arrive at once: the largest upload of two tenants."""
        return 2 * (self.settings.upload_limit_bytes + (1 << 20))

    def load_config(self) -> None:
        for name, value in options(self.settings).items():
            self.cfg.set(name, value)
        self.cfg.set("worker_exit", lambda arbiter, worker: self._close())

    def load(self) -> Flask:
        self._scratch = make_scratch("api", Path(tempfile.gettempdir()))
        tempfile.tempdir = str(self._scratch)  # uploads, and what is unpacked of them
        self._tracing = start_tracing("api", os.environ)
        app = create_app(self.settings, tracing=self._tracing)
        if not self._schema_fits:
            start_checking_schema(self.settings.database_url)
        if self.settings.health_port:
            self._serve_metrics(app)
        return app

    def _serve_metrics(self, app: Flask) -> None:
        """On a port of their own, which no ingress leads to."""
        try:
            HealthServer(
                self.settings.host,
                self.settings.health_port,
                live=lambda: None,
                ready=lambda: None,
                registry=app.extensions[METRICS],
                release=self.settings.release,
            ).start()
        except SettingsError as error:
            log.error(str(error))
            sys.exit(Arbiter.APP_LOAD_ERROR)

    def _close(self) -> None:
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        if self._tracing is not None:
            self._tracing.close()


def options(settings: Settings) -> dict[str, Any]:
    """gunicorn's settings for ours."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {
        "bind": f"{host}:{settings.port}",
        "worker_class": EventWorker,
        "workers": settings.api_workers,
        "threads": settings.api_threads,
        "worker_connections": MOST_CONNECTIONS,
        "backlog": 2048,
        "keepalive": 30,
        "timeout": 60,
        "graceful_timeout": int(settings.shutdown_seconds),
        "control_socket_disable": True,
        "logger_class": ServerLog,
        "errorlog": "-",
        "accesslog": None,
        "loglevel": settings.log_level.lower(),
        "proc_name": "andon-api",
        "post_worker_init": _end_streams_at_shutdown,
    }


def serve(settings: Settings, *, schema_fits: bool) -> None:
    """Serve until SIGTERM. Unless `schema_fits` was seen already, look for it, and end when it doesn't."""
    try:
        Server(settings, schema_fits=schema_fits).run()
    except SystemExit as end:  # the master's, and each worker's
        leave(end.code)


def _end_streams_at_shutdown(worker: Any) -> None:
    """Streams would hold the worker for its whole grace: SIGTERM ends them first."""
    live: LiveFeed = worker.wsgi.extensions[KEY].live
    usual = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        live.close()
        if callable(usual):
            usual(number, frame)

    signal.signal(signal.SIGTERM, end)
