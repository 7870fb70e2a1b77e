"""Wire one API process: read the environment, refuse a wrong schema, serve."""

import psycopg

from andon.migrations import passes, require_head
from andon.process import collect_garbage_seldom, starting
from andon_api import server
from andon_api.signals.logs import request_keys


def main() -> None:
    """Serve until SIGTERM; leaves with one sentence when it can't start. While Postgres is away, it says so by 503."""
    with starting("api", request_keys) as settings:
        settings.requires_keys  # noqa: B018 - raises where strangers could do anything
        schema_fits = _schema_fits(settings.database_url)
    collect_garbage_seldom()
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
