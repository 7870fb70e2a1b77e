"""Wire one API process: read the environment, refuse a wrong schema, serve."""

from __future__ import annotations

import os
import sys

import psycopg

from andon.logs import configure_logging
from andon.migrations import UnknownRevision, passes, require_head
from andon.settings import Settings, SettingsError
from andon_api import server
from andon_api.signals.logs import request_keys


def main() -> None:
    """Serve until SIGTERM; leaves with one sentence when it can't start. While Postgres is away, it says so by 503."""
    try:
        settings = Settings.from_env(os.environ)
        settings.requires_keys  # noqa: B018 - raises where strangers could do anything
        configure_logging("api", settings.log_level, request_keys)
        schema_fits = _schema_fits(settings.database_url)
    except (SettingsError, UnknownRevision) as error:
        sys.exit(str(error))
    except psycopg.OperationalError as error:
        sys.exit(f"The database that ANDON_DATABASE_URL names does not answer: {str(error).strip()}")
    server.serve(settings, schema_fits=schema_fits)


def _schema_fits(url: str) -> bool:
    """True when it does, False while nobody can tell, since the database is away; raises when it doesn't."""
    try:
        require_head(url, patience=0)
    except psycopg.OperationalError as error:
        if not passes(error):
            raise
        return False
    return True
