"""Commands in one round trip: what is sent with every request, on a connection of the calling thread's own."""

import threading
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

Command = tuple[str | int, ...]


def send(redis: Redis, commands: Sequence[Command]) -> None:
    """Send these by the general client, which traces see."""
    pipe = redis.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)  # type: ignore[no-untyped-call]
    pipe.execute()


class OwnConnections:
    """A connection for each thread that asks, outside the pool's bookkeeping."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._local = threading.local()

    def get(self) -> Any:
        """The calling thread's; it connects when it is used."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._pool.make_connection()
        return connection


class Sender:
    """Skips what a general client does around each command, but its retries: after those the last error is raised.

    A connection that was lost while nothing was sent is noticed by sending. So a command may be done twice.
    """

    def __init__(self, redis: Redis) -> None:
        self._connections = OwnConnections(redis)

    def send(self, commands: Sequence[Command]) -> None:
        """Send these, and raise the first error that is answered when all have been."""
        connection = self._connections.get()
        packed = connection.pack_commands(commands)
        try:
            answers = connection.retry.call_with_retry(
                lambda: _exchange(connection, packed, len(commands)), lambda _error: connection.disconnect()
            )
        except BaseException:
            connection.disconnect()  # what is left of an answer must not be read as the next one's
            raise
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise answer


def _exchange(connection: Any, packed: list[bytes], count: int) -> list[Any]:
    connection.send_packed_command(packed, check_health=False)
    return [_answer(connection) for _ in range(count)]


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
