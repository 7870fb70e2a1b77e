"""A thread that ends leaves its connection to the next new one, unless something is amiss with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, name="test")
    yield database
    database.close()


def in_a_thread(call: Callable[[], Connection]) -> Connection:
    found: list[Connection] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def test_the_next_thread_takes_what_the_last_one_left(database: Database) -> None:
    first = in_a_thread(database.connection)
    assert in_a_thread(database.connection) is first
    assert database.connection() is first


def test_two_threads_at_once_have_two(database: Database) -> None:
    mine = database.connection()
    assert in_a_thread(database.connection) is not mine


def test_one_that_is_in_a_transaction_is_left_to_nobody(database: Database) -> None:
    def begin() -> Connection:
        connection = database.connection()
        connection.execute("BEGIN")
        return connection

    begun = in_a_thread(begin)
    assert in_a_thread(database.connection) is not begun


def test_one_that_was_closed_is_made_anew(database: Database) -> None:
    first = in_a_thread(database.connection)
    first.close()
    assert not in_a_thread(database.connection).closed
