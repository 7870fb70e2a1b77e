"""Run alembic under an advisory lock, so that many processes may migrate at once and one of them does."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from andon.adapters.postgres.connect import sqlalchemy_url

LOCK_KEY = 0x616E646F6E  # "andon"


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
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT to_regclass('andon.alembic_version')").fetchone()
        if found is None or found[0] is None:
            return None
        row = connection.execute("SELECT version_num FROM andon.alembic_version").fetchone()
        return row[0] if row else None


def migrate(url: str) -> None:
    """Bring the schema to `HEAD`. Safe to call from several processes at once."""
    with psycopg.connect(url, autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        try:
            _refuse_unknown(current_revision(url))
            command.upgrade(_config(url), "head")
        finally:
            lock.execute("SELECT pg_advisory_unlock(%s)", [LOCK_KEY])


def _refuse_unknown(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory(str(Path(__file__).parent)).walk_revisions()}
    if revision is not None and revision not in known:
        raise UnknownRevision(
            f"The database is at schema revision {revision!r}, which this version of Andon doesn't know. "
            "Start the version that migrated it, or a newer one."
        )


def require_head(url: str) -> None:
    """Raise `UnknownRevision` unless the database is at `HEAD`."""
    revision = current_revision(url)
    _refuse_unknown(revision)
    if revision != HEAD:
        raise UnknownRevision(
            f"The database is at schema revision {revision!r}, this version needs {HEAD!r}. Run `andon migrate`."
        )
