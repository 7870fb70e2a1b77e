"""`python -m andon_worker`: a worker process. SIGTERM and SIGINT hand its runs over and end it with 0."""

from __future__ import annotations

import os
import signal
import sys

import psycopg

from andon.adapters.tracing import start_tracing
from andon.engine.bodies import let_sleepers_be_woken
from andon.engine.errors import RegistrationError
from andon.logs import configure_logging
from andon.migrations import UnknownRevision, require_head
from andon.settings import Settings, SettingsError
from andon_worker.bootstrap import load_functions, worker, worker_health
from andon_worker.isolation import ProcessIsolation

# A cancel passes through three threads. Beside bodies that compute in Python each hand-over of the interpreter takes
# this long; Python's own 5 ms would be most of a cancel.
SWITCH_SECONDS = 0.001


def main() -> None:
    """Run a worker until it is asked to stop, or say in one sentence why it can't."""
    try:
        settings = Settings.from_env(os.environ)
        configure_logging("worker", settings.log_level)
        let_sleepers_be_woken()
        registry = load_functions(settings)
        require_head(settings.database_url)
        tracing = start_tracing("worker", os.environ)
        isolation = ProcessIsolation(settings.functions, tracing=tracing)
        service, runner = worker(settings, registry, isolation=isolation, tracing=tracing)
        health = worker_health(settings, service, runner)
    except (SettingsError, RegistrationError, UnknownRevision) as error:
        sys.exit(str(error))
    except psycopg.OperationalError as error:
        sys.exit(f"The database does not answer: {str(error).strip()}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.ask_to_stop())
    sys.setswitchinterval(SWITCH_SECONDS)
    service.start()
    if health:
        health.start()
    service.wait()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # asked again, while it ends
    clean = service.stop()
    isolation.close()
    if tracing is not None:
        tracing.close()
    sys.stdout.flush()
    if not clean:
        os._exit(0)  # a thread that can't be stopped would keep the process; its runs are handed over


if __name__ == "__main__":
    main()
