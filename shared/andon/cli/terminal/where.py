"""Where the API and the stores are: the environment, or what `andon dev` exports while it runs on this home."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from redis import Redis

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.connect import connect as connect_postgres
from andon.adapters.redis.connect import connect as connect_redis
from andon.cli.terminal.errors import CommandFailed, Exit
from andon.client import Andon
from andon.embedded.home import read_env_file
from andon.settings import Settings, SettingsError, check_url, with_secrets


def known(env: Mapping[str, str], name: str) -> str | None:
    """The variable `name` of `env`, or of the system that runs on `ANDON_HOME`."""
    return with_secrets(env).get(name) or read_env_file(Settings.from_env(env).home).get(name)


def known_url(env: Mapping[str, str]) -> str:
    """Where the API is: `ANDON_URL`, or what runs on `ANDON_HOME`, or the default address."""
    return known(env, "ANDON_URL") or f"http://127.0.0.1:{Settings.from_env(env).port}"


def api() -> Andon:
    """The API that this process's environment names, with the key `ANDON_API_KEY` if there is one."""
    try:
        return Andon(known_url(os.environ), known(os.environ, "ANDON_API_KEY"))
    except SettingsError as error:
        raise CommandFailed(str(error), Exit.USAGE) from None
    except ValueError as error:
        raise CommandFailed(f"ANDON_URL: {error}", Exit.USAGE) from None


def database_url() -> str:
    """Where Postgres is. Raises `CommandFailed` for what libpq can't read."""
    url = known(os.environ, "ANDON_DATABASE_URL") or Settings.database_url
    try:
        check_url("ANDON_DATABASE_URL", url)
    except SettingsError as error:
        raise CommandFailed(str(error), Exit.USAGE) from None
    return url


def storage_url() -> str | None:
    """Where the files are; None where nobody says so."""
    return known(os.environ, "ANDON_STORAGE_URL")


@contextmanager
def postgres() -> Iterator[Connection]:
    """A connection to Postgres for the block. Raises `CommandFailed` when it is away, has no schema, or refuses."""
    user = None
    try:
        with connect_postgres(database_url(), name="cli") as connection:
            user = connection.info.user
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        message = (
            f"The role {user} may not do this ({first_line(error)}): set ANDON_DATABASE_URL to andon_maintenance's,"
            " or to that of who owns the schema"
        )
        raise CommandFailed(message, Exit.NOT_ALLOWED) from None
    except psycopg.errors.UndefinedTable:
        raise CommandFailed("The database has not this version's schema: run `andon migrate`.") from None
    except psycopg.OperationalError as error:
        message = f"Postgres (ANDON_DATABASE_URL) does not answer: {first_line(error)}"
        raise CommandFailed(message, Exit.UNREACHABLE) from None


@contextmanager
def redis() -> Iterator[Redis]:
    """A client of Redis for the `with` block."""
    with connect_redis(known(os.environ, "ANDON_REDIS_URL") or Settings.redis_url, name="cli") as client:
        yield client
