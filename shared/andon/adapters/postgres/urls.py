"""URLs of Postgres for SQLAlchemy, which is loaded where it is used: that takes as long as the rest of a command."""

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import URL


def sqlalchemy_url(url: str) -> URL:
    """`url` as SQLAlchemy takes it: read by libpq, which knows several hosts and sockets, and given to it in parts."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    user, password, database = (parts.pop(name, None) for name in ("user", "password", "dbname"))
    return URL.create("postgresql+psycopg", username=user, password=password, database=database, query=parts)
