"""Systems to break: on quick leases, with the functions of `tests.functions`, seen through a `Scene`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from redis import Redis

from andon.embedded import RedisServer
from tests.faults.proxy import Proxy
from tests.functions import FOLDER
from tests.support import moves
from tests.support.ledger import Ledger
from tests.support.scene import FUNCTIONS, QUICK, Scene
from tests.support.system import System


class Stage(Protocol):
    """Start a system and return the scene that it makes."""

    def __call__(
        self,
        *,
        env: Mapping[str, str] | None = ...,
        each: Mapping[str, Mapping[str, str]] | None = ...,
        dispatchers: int = ...,
        workers: int = ...,
        database_url: str | None = ...,
        redis_url: str | None = ...,
    ) -> Scene: ...


def stage_in(folder: Path, stack: ExitStack, database: str, redis: str) -> Stage:
    """A `Stage` whose systems end with `stack`, on these stores unless others are named."""
    numbers = count(1)

    def start(
        *,
        env: Mapping[str, str] | None = None,
        each: Mapping[str, Mapping[str, str]] | None = None,
        dispatchers: int = 1,
        workers: int = 1,
        database_url: str | None = None,
        redis_url: str | None = None,
    ) -> Scene:
        place = folder / f"scene-{next(numbers)}"
        place.mkdir()
        urls = database_url or database, redis_url or redis
        system = System(
            place,
            *urls,
            functions=(FUNCTIONS,),
            env={**QUICK, FOLDER: str(place), **(env or {})},
            each=each,
            dispatchers=dispatchers,
            workers=workers,
        )
        with psycopg.connect(urls[0]) as connection:
            moves.watch(connection)
        stack.enter_context(system)
        stack.callback(system.show_output)  # pytest keeps it to itself unless the test has failed
        scene = stack.enter_context(Scene(system, *urls, Ledger(place)))
        stack.callback(lambda: require_known_moves(urls[0]))
        return scene

    return start


def require_known_moves(database_url: str) -> None:
    """Every move that a run made is one of the state machine."""
    with psycopg.connect(database_url) as connection:
        assert moves.seen(connection).keys() <= moves.KNOWN


@pytest.fixture
def stage(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Stage]:
    """Starts a system of the test's own, on the session's stores unless others are named."""
    with ExitStack() as stack:
        yield stage_in(tmp_path, stack, database_url, redis_url)


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, create_database: Callable[[], str], redis_server: RedisServer
) -> Iterator[Scene]:
    """A system that a module's tests share, where none of them breaks it for the others: two of each."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    with ExitStack() as stack:
        yield stage_in(tmp_path_factory.mktemp("scene"), stack, create_database(), redis_server.url)()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis to stop, kill and replace."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def redis_proxy(redis_url: str) -> Iterator[Proxy]:
    """A way to the session's Redis that can be broken."""
    with Proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
def postgres_proxy(database_url: str) -> Iterator[Proxy]:
    """A way to the test's database that can be broken."""
    with Proxy(database_url) as proxy:
        yield proxy
