"""The schema's check of a process that began to listen while the database was away."""

import logging
import os
import threading
import time

import psycopg
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]

from andon.adapters.postgres.away import first_line
from andon.migrations import UnknownRevision, require_head

log = logging.getLogger(__name__)
PAUSE_SECONDS = 1.0


def start_checking_schema(url: str) -> None:
    """Look, in a thread, as soon as the database answers; a schema that doesn't fit ends the server, as at a start."""
    threading.Thread(target=_check, args=(url,), daemon=True, name="andon-schema").start()


def _check(url: str) -> None:
    while True:
        try:
            require_head(url)
        except UnknownRevision as error:
            log.error(str(error))
            os._exit(Arbiter.APP_LOAD_ERROR)  # the arbiter ends with it; sys.exit would end this thread alone
        except psycopg.OperationalError as error:
            log.warning("the database does not answer: %s", first_line(error))
            time.sleep(PAUSE_SECONDS)
        else:
            return
