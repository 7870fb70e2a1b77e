"""Real stores for every test: started once, empty for each."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings
from redis import Redis

from andon.embedded import PostgresServer, RedisServer
from andon.migrations import migrate
from tests.support.databases import BARE, Databases, UnsyncedPostgres, create
from tests.support.once import alone, common_folder
from tests.support.system import SHIPPED_FUNCTIONS, System

# Folders and files whose tests take whole processes, a browser, an outage that lasts, or a great deal of data.
WHOLE = (
    "contract/specification/",
    "e2e/",
    "faults/",
    "hostile/",
    "integration/api/access/test_slow_clients_are_cut_off.py",
    "integration/api/test_it_starts_while_postgres_is_away.py",
    "integration/api/test_many_viewers.py",
    "integration/api/test_uploads_are_bounded.py",
    "integration/api/test_what_is_not_quite_http.py",
    "integration/cli/",
    "integration/deploy/",
    "integration/embedded/",
    "integration/postgres/test_connections.py",
    "integration/postgres/test_each_process_has_a_role_of_its_own.py",
    "integration/redis/",
    "integration/signals/",
    "integration/storage/",
    "integration/worker/",
    "unit/deploy/test_each_alert_fires_and_is_silent.py",
    "unit/hybrid_report/test_cancellation.py",
    "unit/hybrid_report/test_forty_files.py",
    "unit/reports/test_wide_datasets.py",
)
# Of these, what takes longest: CI has 25 minutes in all, and `make faults` as many as they need.
LONG = (
    "faults/test_floods.py",
    "faults/test_lanes.py::test_35_a_thousand_runs",
    "faults/test_many_tabs.py",
    "faults/test_redis_away.py",
    "faults/test_slow_clients.py",
    "faults/test_storage_away.py",
    "integration/embedded/test_andon_dev_at_a_terminal.py",
    "integration/redis/test_andon_works_with_the_shipped_users.py",
    "unit/reports/test_wide_datasets.py",
)
HERE = Path(__file__).parent
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Where nothing compiled is kept, each of some thousand processes would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# To look for garbage among all that is imported and collected takes longer than to import and collect it.
gc.disable()
# How long an example takes depends on what else the machine does.
settings.register_profile("andon", deadline=None)
settings.load_profile("andon")
# A shell that runs the tests in the background has them ignore Ctrl-C, and every process they start would too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """More processes than processors: much of what tests do is to wait for others, and whole ones wait most."""
    return (os.cpu_count() or 1) + (2 if asks_for_whole(config) else 1)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A made id is another one in every process, but a test has one name in all of them."""
    return UUID.sub("an-id", val) if isinstance(val, str) and UUID.search(val) else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where these places alone are asked for, import no test of another: each process would take long to."""
    if collection_path.suffix != ".py" or not asks_for_whole(config):
        return None
    return None if collection_path.relative_to(HERE).as_posix().startswith(WHOLE) else True


def asks_for_whole(config: pytest.Config) -> bool:
    """Whether only tests of places that take whole processes are asked for."""
    return bool(config.getoption("markexpr").startswith("whole"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the tests of some places to `make test-all`, but for those of a promise."""
    whole, long = (tuple(f"tests/{place}" for place in places) for places in (WHOLE, LONG))
    for item in items:
        if item.nodeid.startswith(whole) and item.get_closest_marker("promise") is None:
            item.add_marker(pytest.mark.whole)
            if item.nodeid.startswith(long):
                item.add_marker(pytest.mark.slow)


def pytest_configure(config: pytest.Config) -> None:
    """Who has others run the tests collects none itself, and would go without for good."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        gc.enable()


def pytest_collection_finish() -> None:
    """From here on look for garbage, but never among what stays to the end."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Let the interpreter end what was kept, too."""
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """What a module's tests have left open is told to the last of them every time, and not to some test by chance."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def made_postgres(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a PostgreSQL with the current schema that stands still, made once for all that run tests."""
    common = common_folder(tmp_path_factory, "made")
    made = common / "is-made"
    with alone(common):
        server = UnsyncedPostgres(common / "postgres")
        if not made.exists():
            server.start()
            try:
                migrate(server.url)
            finally:
                server.stop()
            made.touch()
    return server.folder


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, made_postgres: Path) -> Iterator[PostgresServer]:
    """The session's PostgreSQL. A test that stops or kills servers starts one of its own."""
    server = UnsyncedPostgres(copied(made_postgres, tmp_path_factory.mktemp("postgres") / "its"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of a database without a schema."""
    create(postgres_server.url_of("postgres"), BARE, "template0")
    return postgres_server.url_of(BARE)


@pytest.fixture(scope="session")
def databases(postgres_server: PostgresServer) -> Databases:
    """The databases of the session's PostgreSQL."""
    return Databases(postgres_server)


@pytest.fixture(scope="session")
def create_database(databases: Databases) -> Callable[[], str]:
    """Makes a database with the current schema, and returns its URL."""
    return databases.take


@pytest.fixture
def database_url(databases: Databases, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own, with the current schema and no rows but those that come with it."""
    url = databases.take()
    yield url
    if "system" in request.fixturenames:  # processes that may come back to it
        databases.drop(url)
    else:
        databases.give_back(url)


@pytest.fixture
def own_postgres(tmp_path: Path, made_postgres: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL that this test may stop and kill, with the current schema."""
    with PostgresServer(copied(made_postgres, tmp_path / "postgres")) as server:
        yield server


def copied(folder: Path, to: Path) -> Path:
    """A copy, which belongs to whom it ran as."""
    subprocess.run(["cp", "-a", str(folder), str(to)], check=True)
    return to


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The session's Redis. A test that stops or kills servers starts one of its own."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of the session's Redis, emptied."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of the emptied Redis that answers in text."""
    with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


class StartSystem(Protocol):
    """Start Andon's processes on the test's stores, or on others that are given."""

    def __call__(
        self,
        *,
        functions: Sequence[str] = ...,
        env: Mapping[str, str] | None = ...,
        each: Mapping[str, Mapping[str, str]] | None = ...,
        dispatchers: int = ...,
        workers: int = ...,
        database_url: str | None = ...,
        redis_url: str | None = ...,
    ) -> System: ...


@pytest.fixture
def system(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartSystem]:
    """Starts Andon's processes and returns them ready; they end with the test."""
    with ExitStack() as stack:
        yield starting(
            tmp_path,
            stack,
            lambda: request.getfixturevalue("database_url"),
            lambda: request.getfixturevalue("redis_url"),
        )


@pytest.fixture(scope="module")
def shared_system(
    tmp_path_factory: pytest.TempPathFactory, create_database: Callable[[], str]
) -> Iterator[StartSystem]:
    """As `system`, for all tests of a module, on stores of its own: each makes what it looks at, and breaks nothing."""
    folder = tmp_path_factory.mktemp("shared")
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(folder / "redis"))
        yield starting(folder, stack, create_database, lambda: redis.url)


def starting(folder: Path, stack: ExitStack, a_database: Callable[[], str], a_redis: Callable[[], str]) -> StartSystem:
    """What starts systems in `folder`, on these stores unless others are named; they end with `stack`."""
    numbers = count(1)

    def start(
        *,
        functions: Sequence[str] = (SHIPPED_FUNCTIONS,),
        env: Mapping[str, str] | None = None,
        each: Mapping[str, Mapping[str, str]] | None = None,
        dispatchers: int = 1,
        workers: int = 1,
        database_url: str | None = None,
        redis_url: str | None = None,
    ) -> System:
        place = folder / f"system-{next(numbers)}"
        place.mkdir()
        made = System(
            place,
            database_url or a_database(),
            redis_url or a_redis(),
            functions=functions,
            env=env,
            each=each,
            dispatchers=dispatchers,
            workers=workers,
        )
        return stack.enter_context(made)

    return start
