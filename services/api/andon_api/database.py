"""The database as the API uses it: one session per request, and raw psycopg for the verbs in that session."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from select import POLLIN, poll
from typing import Any, cast

import psycopg
from flask import Flask, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Select, func, select
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from andon.adapters.postgres.connect import OPTIONS, Connection
from andon.adapters.postgres.urls import sqlalchemy_url
from andon.engine.errors import AndonError
from andon.settings import Settings

db = SQLAlchemy(disable_autonaming=True)

READINESS = 2  # connections for those who ask whether we are ready, while every thread holds one
LONGEST_LOCK_SECONDS = 2  # a table that somebody has locked would take every thread
LONGEST_STATEMENT_SECONDS = 20  # and so would questions that take long
TRUSTED_SECONDS = 0.1  # under load not even this is looked at: it would hand over the interpreter
Row = dict[str, Any]


def install(app: Flask, settings: Settings) -> None:
    """Give `app` its engine: a connection per thread, checked before use, half-open ones noticed."""
    app.config["SQLALCHEMY_DATABASE_URI"] = sqlalchemy_url(settings.database_url)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": settings.api_threads,
        "max_overflow": READINESS,
        "pool_timeout": 5,
        "pool_events": [(_limit, "connect"), (_mark_used, "checkin"), (_check, "checkout")],
        "pool_recycle": 1800,
        "connect_args": {**OPTIONS, "application_name": "andon-api", "prepare_threshold": 1},
    }
    db.init_app(app)
    app.teardown_appcontext(_give_back)


def _give_back(_: BaseException | None) -> None:
    """End the session's transaction. Its connection may be lost unnoticed: that must not make the answer a 500."""
    if db.session.registry.has():
        try:
            db.session.rollback()
        except SQLAlchemyError:
            db.session().invalidate()


def _limit(dbapi_connection: Connection, _: ConnectionPoolEntry) -> None:
    """A request waits for a lock, and for an answer, no longer than its client would."""
    dbapi_connection.execute(
        "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)",
        [f"{LONGEST_LOCK_SECONDS}s", f"{LONGEST_STATEMENT_SECONDS}s"],
    )
    dbapi_connection.commit()


def _mark_used(dbapi_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _check(dbapi_connection: Connection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
    """Ask a connection whether it lives, if there is anything to read on it: nobody has asked it for anything.

    Its end would be there, the kernel's keep-alives notice a half-open one, and most requests are spared the question.
    """
    if time.monotonic() - record.info.get("used", float("-inf")) < TRUSTED_SECONDS:
        return
    try:
        if _has_news(dbapi_connection.fileno()):
            dbapi_connection.execute("SELECT 1")
            dbapi_connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError(str(error)) from error


def _has_news(socket: int) -> bool:
    look = poll()
    look.register(socket, POLLIN)
    return bool(look.poll(0))


def connection() -> Connection:
    """The request's psycopg connection, in its session's transaction: commit with `db.session.commit()`."""
    return cast("Connection", db.session.connection().connection.driver_connection)


@contextmanager
def autocommit() -> Iterator[Connection]:
    """For a verb that is one statement: a connection on which it commits by itself, without session or transaction.

    Ends the session's transaction first, so that a request never holds two connections.
    """
    _give_back(None)
    pooled = db.engine.raw_connection()
    driver = cast("Connection", pooled.driver_connection)
    try:
        driver.autocommit = True
        yield driver
        driver.autocommit = False
    except AndonError:
        driver.autocommit = False  # the verb has refused, and the connection is as good as before
        raise
    except BaseException:
        pooled.invalidate()
        raise
    finally:
        pooled.close()


def now() -> dt.datetime:
    """The time by Postgres' clock, which tells all times: this machine's may be wrong. Asked once per request."""
    if "now" not in g:
        g.now = db.session.execute(select(func.clock_timestamp())).scalar_one()
    return cast("dt.datetime", g.now)


def rows(query: Select[Any]) -> list[Row]:
    """The query's rows as plain dicts."""
    return [dict(each) for each in db.session.execute(query).mappings()]
