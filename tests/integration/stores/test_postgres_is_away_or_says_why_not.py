"""What counts as "Postgres is away": real errors of a real server, and what waits for them."""

from __future__ import annotations

from collections.abc import Callable
from select import select

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy import text as sa_text
from sqlalchemy.exc import DBAPIError

from andon.adapters.postgres.away import Away, is_misfit, why_away
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.urls import sqlalchemy_url
from andon.embedded import PostgresServer

AS_SAID = {
    "08006": Away.LOST,
    "25P04": Away.SLOW,
    "53100": Away.FULL,
    "53200": Away.EXHAUSTED,
    "53300": Away.CROWDED,
    "53400": Away.FULL,
    "57P03": Away.STOPPING,
    "58030": Away.FAULTY,
    "40001": Away.CONTENDED,
    "40P01": Away.CONTENDED,
}
BECAUSE_OF_DATA = ("08P01", "22003", "22P05", "23505", "23514", "54000", "54001", "P0001", "XX000")


def error_of(call: Callable[[], object]) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        call()
    return caught.value


def raised_by(url: str, *statements: str) -> psycopg.Error:
    with psycopg.connect(url, autocommit=True) as connection:
        for each in statements[:-1]:
            connection.execute(each.encode())
        return error_of(lambda: connection.execute(statements[-1].encode()))


def raising(state: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"


@pytest.mark.parametrize(("state", "why"), AS_SAID.items())
def test_what_the_server_says_of_itself_is_away(postgres_url: str, state: str, why: Away) -> None:
    assert why_away(raised_by(postgres_url, raising(state))) is why


@pytest.mark.parametrize("state", BECAUSE_OF_DATA)
def test_what_it_says_of_the_data_is_not_away(postgres_url: str, state: str) -> None:
    error = raised_by(postgres_url, raising(state))
    assert why_away(error) is None
    assert not is_misfit(error)


def test_an_index_row_that_is_too_large_is_not_away_although_it_is_an_operational_error(database_url: str) -> None:
    insert = """INSERT INTO andon.events (tenant, id, name, data, ts)
        SELECT 'default', string_agg(md5(n::text), ''), 'a/b', '{}', now() FROM generate_series(1, 400) n"""
    error = raised_by(database_url, insert)
    assert isinstance(error, psycopg.OperationalError)
    assert why_away(error) is None


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM andon.nothing", "SELECT nothing FROM andon.events", "SELECT andon.nothing()"]
)
def test_a_schema_that_is_not_ours_is_a_misfit_and_no_data_can_be_its_cause(database_url: str, statement: str) -> None:
    error = raised_by(database_url, statement)
    assert is_misfit(error)
    assert why_away(error) is None


def test_a_read_only_server_is_away(database_url: str) -> None:
    error = raised_by(database_url, "SET default_transaction_read_only = on", "DELETE FROM andon.outbox")
    assert why_away(error) is Away.READ_ONLY


def test_a_statement_that_was_not_done_in_time_is_away(postgres_url: str) -> None:
    error = raised_by(postgres_url, "SET statement_timeout = 20", "SELECT pg_sleep(5)")
    assert why_away(error) is Away.SLOW


def test_a_lock_that_was_not_given_in_time_is_away_also_in_a_pipeline(database_url: str) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE andon.runs IN ACCESS EXCLUSIVE MODE")
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = 20")
            look = "SELECT count(*) FROM andon.runs"
            assert why_away(error_of(lambda: connection.execute(look))) is Away.LOCKED

            def together() -> None:
                with connection.transaction(), connection.pipeline():
                    connection.execute(look)
                    connection.execute("SELECT 1")

            assert why_away(error_of(together)) is Away.LOCKED


def test_a_transaction_that_dawdled_is_away_and_its_connection_is_made_anew(database_url: str) -> None:
    database = Database(database_url, name="test")
    seen: list[int] = []

    def dawdle(connection: psycopg.Connection[tuple[object, ...]]) -> int:
        with connection.transaction():
            if not seen:
                seen.append(connection.info.backend_pid)
                connection.execute("SET LOCAL idle_in_transaction_session_timeout = 20")
                assert select([connection], [], [], 10)[0], "the server says that it has ended the session"
            connection.execute("SELECT 1")
        return connection.info.backend_pid

    assert database.run(dawdle) not in seen
    database.close()


def test_a_connection_that_was_ended_is_away(postgres_url: str) -> None:
    error = raised_by(postgres_url, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert why_away(error) in {Away.STOPPING, Away.LOST}


def test_a_server_that_is_not_there_is_away() -> None:
    error = error_of(lambda: psycopg.connect("postgresql://127.0.0.1:1/andon", connect_timeout=2))
    assert why_away(error) is Away.LOST


def test_a_server_that_takes_no_more_connections_is_away(postgres_server: PostgresServer, database_url: str) -> None:
    with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0 PASSWORD 'crowd'")
        try:
            limited = psycopg.conninfo.make_conninfo(database_url, user="crowd", password="crowd")
            assert why_away(error_of(lambda: psycopg.connect(limited))) in {Away.CROWDED, Away.LOST}
        finally:
            admin.execute("DROP ROLE crowd")


def test_sqlalchemys_errors_are_read_as_the_drivers(postgres_url: str) -> None:
    engine = create_engine(sqlalchemy_url(postgres_url))
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(sa_text(raising("53100")))
    engine.dispose()
    assert why_away(caught.value) is Away.FULL


def test_whoever_insists_waits_while_the_server_is_read_only_and_has_its_answer_then(database_url: str) -> None:
    database = Database(database_url, name="test")
    tries = []

    def write(connection: psycopg.Connection[tuple[object, ...]]) -> str:
        tries.append(connection.info.backend_pid)
        if len(tries) < 4:
            connection.execute("SET default_transaction_read_only = on")
        connection.execute("DELETE FROM andon.outbox")
        return "done"

    assert database.insist(write) == "done"
    assert len(set(tries)) == len(tries), "it was asked again over the same connection, which leads to the same server"
    database.close()


def test_whoever_insists_waits_for_a_lock_and_raises_what_is_because_of_the_data(database_url: str) -> None:
    database = Database(database_url, name="test")
    tries = []

    def work(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        tries.append(1)
        connection.execute((raising("55P03") if len(tries) < 3 else raising("22003")).encode())

    assert error_of(lambda: database.insist(work)).sqlstate == "22003"
    assert len(tries) == 3
    database.close()
