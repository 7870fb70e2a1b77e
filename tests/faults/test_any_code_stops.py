"""Row 34: whatever a step's code is doing, a cancel stops it and all that it started, and no neighbour feels it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from redis import Redis

from andon.embedded import RedisServer
from tests.faults.conftest import stage_in
from tests.stubborn_functions import KINDS
from tests.support.polling import wait_until
from tests.support.scene import Scene

STUBBORN = "tests.stubborn_functions"
numbers = count(1)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, create_database, redis_server: RedisServer) -> Iterator[Scene]:  # type: ignore[no-untyped-def]
    """One worker for all kinds: what one of them breaks, the others would feel."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    with ExitStack() as stack:
        stage = stage_in(tmp_path_factory.mktemp("stubborn"), stack, create_database(), redis_server.url)
        made = stage(workers=1, env={"ANDON_FUNCTIONS": f"tests.functions,{STUBBORN}"})
        made.xadd("neighbour/requested", {"case": "neighbour", "steps": 100_000})
        yield made
        assert made.runs("neighbour")[0]["status"] == "running", "the neighbour has felt something"


def stop(scene: Scene, kind: str, **data: object) -> None:
    """Have code of this kind run, cancel it, and look whether anything of it is left."""
    case = f"{kind}-{next(numbers)}"
    rounds = len(scene.ledger.begins("neighbour"))
    scene.post("stubborn/requested", {"case": case, "kind": kind, **data})
    scene.wait_step(case, "code")
    scene.post("stubborn/cancelled", {"case": case})
    run = scene.wait_run(case)
    assert (run["status"], run["forced"], run["fence"]) == ("cancelled", False, 1)
    left = [pid for pid in map(int, scene.ledger.steps(f"{case}.pids")) if lives(pid)]
    assert not left, f"processes of {kind} live on"
    wait_until(lambda: len(scene.ledger.begins("neighbour")) > rounds, what="the neighbour to go on")


def lives(pid: int) -> bool:
    """Whether this process runs; a zombie doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.promise
@pytest.mark.parametrize("kind", KINDS)
def test_34_code_of_any_kind_stops_with_all_that_it_started(scene: Scene, kind: str) -> None:
    stop(scene, kind)


@pytest.mark.parametrize("kind", ["busy_loop", "sleep", "program_run", "sleep_in_c_with_the_gil"])
def test_34_code_between_steps_stops_too(scene: Scene, kind: str) -> None:
    stop(scene, kind, in_handler=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_34_code_of_any_kind_stops_two_hundred_times(scene: Scene, kind: str) -> None:
    for _ in range(200):
        stop(scene, kind)
