"""Run alembic under an advisory lock, so that many processes may migrate at once and one of them does."""

import logging
import random
import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError, ProgrammingError

from andon.adapters.postgres.urls import sqlalchemy_url
from andon.migrations.grants import grant
from andon.migrations.revision import NotTheOwner, TablesBusy, current_revision, is_newer

log = logging.getLogger(__name__)
LOCK_KEY = 0x616E646F6E  # "andon"
TRIES = 30
LONGEST_PAUSE = 10.0


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = sqlalchemy_url(url)
    return config


def run(url: str) -> None:
    """What `andon.migrations.migrate` does."""
    with psycopg.connect(url, autocommit=True) as lock:
        # Waiting in the server would hold a snapshot, and CREATE INDEX CONCURRENTLY waits for every snapshot.
        while lock.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone() != (True,):
            time.sleep(0.2)
        try:
            if not is_newer(current_revision(url)):
                _upgrade(url)
                grant(lock)
        finally:
            lock.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])


def _upgrade(url: str) -> None:
    """Migrate revision by revision; one that doesn't get its lock within two seconds is tried again."""
    pause = 0.5
    for _ in range(TRIES):
        try:
            command.upgrade(_config(url), "head")
            return
        except ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            why = str(error.orig).splitlines()[0]
            raise NotTheOwner(
                f"The schema is its owner's alone to change ({why}): set ANDON_DATABASE_URL to andon_owner's, or to"
                " that of who made the schema"
            ) from None
        except OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            log.warning("a table that a migration needs is locked; trying again")
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, LONGEST_PAUSE)
    raise TablesBusy(f"A table that a migration needs was locked {TRIES} times. See pg_locks, and try again.")
