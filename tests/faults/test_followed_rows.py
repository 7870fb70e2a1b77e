"""A table of one's own tells the truth: row, subject and newest run agree, whoever asks, cancels or is killed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from andon.embedded import PostgresServer
from tests import row_functions
from tests.functions import FOLDER
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.scene import QUICK, Scene
from tests.support.system import System

EXPORTS = 24
OPEN = """
SELECT r.id, r.kind, r.status, r.door, r.door = r.subject_id AS at_subject, r.sent_at, r.cancel_requested_at,
    r.lease_until, r.worker_id, r.current_step, r.wake_at, clock_timestamp() AS now, s.key, s.status AS subject,
    s.current_run_id = r.id AS current
FROM andon.runs r LEFT JOIN andon.subjects s ON s.id = r.subject_id WHERE r.ended_at IS NULL ORDER BY r.id LIMIT 30
"""


@contextmanager
def started(folder: Path, database_url: str, redis_url: str) -> Iterator[Scene]:
    """Two workers and two dispatchers over a table of exports."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(row_functions.TABLE)
        connection.execute(
            "INSERT INTO public.exports (id) SELECT 'export-' || n FROM generate_series(1, %s) n", [EXPORTS]
        )
    system = System(
        folder,
        database_url,
        redis_url,
        functions=("tests.row_functions",),
        env={**QUICK, FOLDER: str(folder)},
        dispatchers=2,
        workers=2,
    )
    with system, Scene(system, database_url, redis_url, Ledger(folder)) as scene:
        yield scene


@pytest.fixture
def scene(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Scene]:
    with started(tmp_path, database_url, redis_url) as scene:
        yield scene


def ask(scene: Scene, id: str, **data: Any) -> int:
    return scene.api.post(f"/subjects/export/{id}/request", json={"data": data}).status_code


def cancel(scene: Scene, id: str) -> int:
    return scene.api.post(f"/subjects/export/{id}/cancel").status_code


def status(scene: Scene, id: str) -> str:
    return str(scene.one("SELECT status FROM public.exports WHERE id = %s", id))


def wait(scene: Scene, id: str, wanted: str) -> None:
    wait_until(lambda: status(scene, id) == wanted, what=f"{id} is {wanted}")


def agree(scene: Scene, seconds: float = 120) -> None:
    """Once nothing is open or owed, every row says what its subject and its newest run say."""
    try:
        scene.wait_quiet(seconds)
    except AssertionError:
        print(*scene.rows(OPEN), sep="\n")
        scene.system.show_output()
        raise
    wait_until(lambda: scene.one("SELECT count(*) FROM andon.rows_owed") == 0, what="no row is owed")
    assert scene.rows(row_functions.WRONG) == []


def test_the_row_follows_whatever_becomes_of_the_run(scene: Scene) -> None:
    """As a person does it: ask, stop, ask again; then a failure, a killed worker, and a cancel while it is lost."""
    one, other, third = "export-1", "export-2", "export-3"
    assert (ask(scene, one, seconds=30), status(scene, one)) == (202, "generating")
    wait_until(lambda: scene.rows("SELECT 1 FROM public.exports WHERE data IS NOT NULL OR id <> %s", one))
    assert (cancel(scene, one), ask(scene, one)) == (202, 202)
    wait(scene, one, "generated")
    assert ask(scene, other, fails=True) == 202
    wait(scene, other, "failed")
    assert scene.one("SELECT error FROM public.exports WHERE id = %s", other) == "no data"
    assert ask(scene, third, seconds=3) == 202
    wait_until(lambda: scene.rows("SELECT 1 FROM andon.runs WHERE status = 'running'"))
    scene.system["worker-1"].kill()
    scene.system["worker-1"].start()
    wait(scene, third, "generated")
    agree(scene)


def insist(act: Callable[[], int]) -> int:
    """As a client does that is told to come back later: until it is answered."""

    def answer() -> int:
        code = act()
        return 0 if code == 503 else code

    return wait_until(answer, 120, what="an answer")


def agrees(scene: Scene, id: str) -> bool:
    """Whether this subject has come to its end, nothing is owed to it, and its row and newest run say the same."""
    try:
        subject = scene.rows("SELECT id, status FROM andon.subjects WHERE key = %s", id)
        if not subject or subject[0]["status"] == "active":
            return False
        owed = scene.rows("SELECT 1 FROM andon.rows_owed WHERE subject_id = %s", subject[0]["id"])
        return not owed and not scene.rows(f"SELECT * FROM ({row_functions.WRONG}) w WHERE id = %s", id)
    except psycopg.OperationalError:  # Postgres is away
        return False


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [100, 1000])
def test_pairs_of_cancel_and_request_again_with_processes_and_postgres_killed(
    tmp_path: Path, own_postgres: PostgresServer, redis_url: str, pairs: int
) -> None:
    """By the API and by the bus, side by side. After every other pair row, subject and newest run are seen to
    agree; the rest come before the one before has ended.
    """
    with started(tmp_path, own_postgres.url, redis_url) as scene:
        break_pairs(scene, own_postgres, pairs)


def break_pairs(scene: Scene, postgres: PostgresServer, pairs: int) -> None:
    rng = random.Random(14)
    killed, seen = Counter[str](), Counter[str]()

    def pair(number: int) -> None:
        id = f"export-{number % EXPORTS + 1}"
        with locks[id]:
            if rng.random() < 0.5:
                seen[f"request {insist(lambda: ask(scene, id, seconds=rng.choice([0, 0.3, 3])))}"] += 1
                time.sleep(rng.uniform(0, 0.4))
                seen[f"cancel {insist(lambda: cancel(scene, id))}"] += 1
                again = insist(lambda: ask(scene, id, seconds=rng.choice([0, 0.1]), fails=rng.random() < 0.1))
                seen[f"request again {again}"] += 1
            else:
                scene.xadd("export/requested", {"exportId": id, "seconds": rng.choice([0, 0.3, 3])})
                time.sleep(rng.uniform(0, 0.4))
                scene.xadd("export/cancelled", {"exportId": id})
                scene.xadd("export/requested", {"exportId": id, "seconds": rng.choice([0, 0.1])})
                seen["by the bus"] += 1
            if number % 2:
                wait_until(lambda: agrees(scene, id), 180, what=f"{id} agrees")
                seen["agreed at once"] += 1

    locks = {f"export-{n + 1}": threading.Lock() for n in range(EXPORTS)}
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(pair, number) for number in range(pairs)]
        # Here, and not in a thread: a process that is started ends with the thread that has started it.
        while wait_for(asked, rng.uniform(2, 5)).not_done:
            name = rng.choice(["worker-1", "worker-2", "dispatcher-1", "dispatcher-2", "postgres"])
            killed[name] += 1
            if name == "postgres":
                postgres.kill()
                time.sleep(rng.uniform(0, 2))
                postgres.start()
            else:
                scene.system[name].kill()
                scene.system[name].start()
    for each in asked:
        each.result()
    agree(scene, 120 + pairs / 2)
    made = scene.rows("SELECT status, cancel_cause, count(*) AS n FROM andon.runs GROUP BY 1, 2 ORDER BY 1, 2")
    print(f"{pairs} pairs: {dict(seen)}\nkilled: {dict(killed)}\nruns: {made}")
