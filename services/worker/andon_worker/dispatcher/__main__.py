"""`python -m andon_worker.dispatcher`: a dispatcher, leading or standing by. SIGTERM and SIGINT end it with 0."""

from __future__ import annotations

import os
import signal
import sys

import psycopg

from andon.adapters.tracing import start_tracing
from andon.engine.errors import RegistrationError
from andon.logs import configure_logging
from andon.migrations import UnknownRevision, require_head
from andon.settings import Settings, SettingsError
from andon_worker.dispatcher.bootstrap import dispatcher, dispatcher_health, load_functions
from andon_worker.dispatcher.telling import Teller


def main() -> None:
    """Run a dispatcher until it is asked to stop, or say in one sentence why it can't."""
    try:
        settings = Settings.from_env(os.environ)
        configure_logging("dispatcher", settings.log_level)
        require_head(settings.database_url)
        registry, failed = load_functions(settings)
        tracing = start_tracing("dispatcher", os.environ)
        service = dispatcher(settings, registry, failed=failed, tracing=tracing)
        health = dispatcher_health(settings, registry, service, failed=failed)
    except (SettingsError, UnknownRevision, RegistrationError) as error:
        sys.exit(str(error))
    except psycopg.OperationalError as error:
        sys.exit(f"The database that ANDON_DATABASE_URL names does not answer: {str(error).strip()}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.ask_to_stop())
    if health:
        health.start()
    teller = Teller(settings.database_url, private=settings.webhooks_private == "on")
    teller.start()
    service.run()
    teller.stop()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # asked again, while it ends
    if tracing is not None:
        tracing.close()


if __name__ == "__main__":
    main()
