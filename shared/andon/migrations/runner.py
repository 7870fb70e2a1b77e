"""Run alembic under an advisory lock, so that many processes may migrate at once and one of them does."""

from __future__ import annotations

import logging
import random
import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from andon.adapters.postgres.connect import OPTIONS, sqlalchemy_url
from andon.migrations.grants import grant

log = logging.getLogger(__name__)
LOCK_KEY = 0x616E646F6E  # "andon"
TRIES = 30
LONGEST_PAUSE = 10.0
PATIENCE_SECONDS = 30.0


class TablesBusy(RuntimeError):
    """A migration did not get a lock that it needs, however often it was tried."""


class UnknownRevision(RuntimeError):
    """The database's schema is at a revision that this version of Andon doesn't know or that is too old."""


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = sqlalchemy_url(url)
    return config


HEAD = ScriptDirectory(str(Path(__file__).parent)).get_current_head()


def current_revision(url: str) -> str | None:
    """The database's revision, or None before the first migration."""
    with psycopg.connect(url, **OPTIONS) as connection:
        found = connection.execute("SELECT to_regclass('andon.alembic_version')").fetchone()
        if found is None or found[0] is None:
            return None
        row = connection.execute("SELECT version_num FROM andon.alembic_version").fetchone()
        return row[0] if row else None


def migrate(url: str) -> None:
    """Bring the schema to `HEAD`. Safe to call from several processes at once, and while others use the tables.

    Raises `UnknownRevision` or `TablesBusy`. Needs a session of its own: no pooler that pools by transaction.
    """
    with psycopg.connect(url, autocommit=True) as lock:
        # Waiting in the server would hold a snapshot, and CREATE INDEX CONCURRENTLY waits for every snapshot.
        while lock.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone() != (True,):
            time.sleep(0.2)
        try:
            if not _is_newer(current_revision(url)):
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
        except OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            log.warning("a table that a migration needs is locked; trying again")
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, LONGEST_PAUSE)
    raise TablesBusy(f"A table that a migration needs was locked {TRIES} times. See pg_locks, and try again.")


def passes(error: psycopg.OperationalError) -> bool:
    """Whether a server that couldn't be reached may be reached later; what it refuses, it refuses again."""
    text = str(error)  # psycopg tells no SQLSTATE of a connection that failed
    return "FATAL" not in text or any(sign in text for sign in ("starting up", "shutting down", "recovery"))


def _once_it_answers(url: str, patience: float) -> str | None:
    deadline = time.monotonic() + patience
    while True:
        try:
            return current_revision(url)
        except psycopg.OperationalError as error:
            if not passes(error) or time.monotonic() >= deadline:
                raise
            log.warning("the database does not answer, trying again: %s", str(error).strip().split("\n")[0])
            time.sleep(random.uniform(0.5, 1.0))


def _is_newer(revision: str | None) -> bool:
    """Whether a later version has migrated the database, which this one still works on; raises `UnknownRevision`.

    Migrations expand first and contract a release later: so a rollout can be rolled back.
    """
    known = {script.revision for script in ScriptDirectory(str(Path(__file__).parent)).walk_revisions()}
    if revision is None or revision in known:
        return False
    if revision.isdigit() and HEAD is not None and int(revision) > int(HEAD):
        log.warning("the database is at schema revision %s, newer than this version's %s", revision, HEAD)
        return True
    raise UnknownRevision(
        f"The database is at schema revision {revision!r}, which this version of Andon doesn't know. "
        "Start the version that migrated it, or a newer one."
    )


def require_head(url: str, *, patience: float = PATIENCE_SECONDS) -> None:
    """Raise `UnknownRevision` unless the database is at `HEAD` or at a later version's revision.

    A server that is away or starting is waited for, `patience` seconds; then its `psycopg.OperationalError` is raised.
    """
    revision = _once_it_answers(url, patience)
    if not _is_newer(revision) and revision != HEAD:
        raise UnknownRevision(
            f"The database is at schema revision {revision!r}, this version needs {HEAD!r}. Run `andon migrate`."
        )
