"""The database's revision, and whether this version works on it: what every process asks before it starts.

Nothing here imports alembic, which takes longer than all else that a dispatcher or a worker imports.
"""

import logging
import random
import time
from pathlib import Path

import psycopg

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.connect import OPTIONS

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 30.0


class TablesBusy(RuntimeError):
    """A migration did not get a lock that it needs, however often it was tried."""


class NotTheOwner(RuntimeError):
    """The role that is logged in may not change the schema."""


class UnknownRevision(RuntimeError):
    """The database's schema is at a revision that this version of Andon doesn't know or that is too old."""


# A revision is the number that its file's name begins with.
KNOWN = frozenset(each.name.partition("_")[0] for each in (Path(__file__).parent / "versions").glob("[0-9]*.py"))
HEAD = max(KNOWN)


def current_revision(url: str) -> str | None:
    """The database's revision, or None before the first migration."""
    with psycopg.connect(url, **OPTIONS) as connection:
        found = connection.execute("SELECT to_regclass('andon.alembic_version')").fetchone()
        if found is None or found[0] is None:
            return None
        row = connection.execute("SELECT version_num FROM andon.alembic_version").fetchone()
        return row[0] if row else None


def is_newer(revision: str | None) -> bool:
    """Whether a later version has migrated the database, which this one still works on; raises `UnknownRevision`.

    Migrations expand first and contract a release later: so a rollout can be rolled back.
    """
    if revision is None or revision in KNOWN:
        return False
    if revision.isdigit() and int(revision) > int(HEAD):
        log.warning("the database is at schema revision %s, newer than this version's %s", revision, HEAD)
        return True
    raise UnknownRevision(
        f"The database is at schema revision {revision!r}, which this version of Andon doesn't know. "
        "Start the version that migrated it, or a newer one."
    )


def passes(error: psycopg.OperationalError) -> bool:
    """Whether a server that couldn't be reached may be reached later; what it refuses, it refuses again."""
    text = str(error)  # psycopg tells no SQLSTATE of a connection that failed
    return "FATAL" not in text or any(sign in text for sign in ("starting up", "shutting down", "recovery"))


def require_head(url: str, *, patience: float = PATIENCE_SECONDS) -> None:
    """Raise `UnknownRevision` unless the database is at `HEAD` or at a later version's revision.

    A server that is away or starting is waited for, `patience` seconds; then its `psycopg.OperationalError` is raised.
    """
    revision = _once_it_answers(url, patience)
    if not is_newer(revision) and revision != HEAD:
        raise UnknownRevision(
            f"The database is at schema revision {revision!r}, this version needs {HEAD!r}. Run `andon migrate`."
        )


def _once_it_answers(url: str, patience: float) -> str | None:
    deadline = time.monotonic() + patience
    while True:
        try:
            return current_revision(url)
        except psycopg.OperationalError as error:
            if not passes(error) or time.monotonic() >= deadline:
                raise
            log.warning("the database of ANDON_DATABASE_URL does not answer, trying again: %s", first_line(error))
            time.sleep(random.uniform(0.5, 1.0))
