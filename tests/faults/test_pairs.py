"""Row 26 at length: pairs of request and cancel, sent in both orders while the dispatcher dies and Redis empties.

Every event has its outcome by seq: a cancel stops the older run, and no other. What Redis loses before it is recorded
was never kept, and is not judged; what the API accepted is.
"""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults.conftest import Stage
from tests.support.polling import wait_until
from tests.support.scene import Scene

_WRONG = """
SELECT e.data->>'case' AS case, r.status, e.seq AS request, c.seq AS cancel
FROM andon.events e
JOIN andon.runs r ON r.event_seq = e.seq AND r.kind = 'function'
LEFT JOIN andon.events c ON c.name = 'walk/cancelled' AND c.data->>'case' = e.data->>'case'
WHERE e.name = 'walk/requested' AND (c.seq IS NULL OR c.seq < e.seq) <> (r.status = 'completed')
"""


def accepts(scene: Scene, name: str, data: dict[str, Any]) -> bool:
    """Whether the API takes the event: while a dispatcher is frozen amid its batch, it may say 503, and do nothing."""
    code = scene.api.post("/events", json={"name": name, "data": data}).status_code
    assert code in {202, 503}
    return code == 202


@pytest.mark.parametrize("pairs", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_26_every_pair_of_request_and_cancel_has_the_outcome_that_its_seq_says(stage: Stage, pairs: int) -> None:
    scene = stage(dispatchers=2, workers=1)
    rng = random.Random(26)
    accepted: list[str] = []
    sent = threading.Event()

    def send(number: int) -> None:
        case = f"pair-{number}"
        # A run waits in its nap until long after its cancel: who comes first is a matter of seq alone.
        nap = 0 if number % 2 else 3600
        events: list[tuple[str, dict[str, Any]]] = [
            ("walk/requested", {"case": case, "steps": 1, "nap": nap}),
            ("walk/cancelled", {"case": case}),
        ]
        if number % 2:
            events.reverse()
        by_api = rng.random() < 0.5
        for name, data in events:
            if by_api:
                wait_until(lambda said=(name, data): accepts(scene, *said), what="a 202")  # type: ignore[misc]
            else:
                scene.xadd(name, data)
        if by_api:
            accepted.append(case)

    def send_all() -> None:
        try:
            with ThreadPoolExecutor(4) as pool:
                half = pairs // 2
                list(pool.map(send, range(half)))
                scene.redis.flushall()
                list(pool.map(send, range(half, pairs)))
        finally:
            sent.set()

    with ThreadPoolExecutor(1) as sender:
        sending = sender.submit(send_all)
        break_dispatchers(scene, rng, sent)  # here, for a process ends with the thread that started it
        sending.result()
    for each in scene.system.dispatchers:
        each.resume()
    rows = "SELECT count(*) FROM andon.events WHERE name LIKE 'walk/%%' AND data->>'case' = ANY(%s)"
    wait_until(lambda: scene.one(rows, accepted) == 2 * len(accepted), what="every accepted event")
    abandon_half_pairs(scene)
    scene.wait_quiet(120 + pairs / 20)
    assert scene.rows(_WRONG) == []
    assert scene.one(
        "SELECT count(DISTINCT e.data->>'case') FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
        " WHERE r.kind = 'function' AND e.data->>'case' = ANY(%s)",
        accepted,
    ) == len(accepted)


def break_dispatchers(scene: Scene, rng: random.Random, sent: threading.Event) -> None:
    """Kill or freeze the leading dispatcher now and then, until everything is sent."""
    while not sent.wait(rng.uniform(1.0, 3.0)):
        holders = scene.rows("SELECT DISTINCT holder FROM andon.dispatcher_leases WHERE holder <> ''")
        leaders = [int(row["holder"].split(":")[1]) for row in holders]
        for each in scene.system.dispatchers:
            if each.pid in leaders:
                if rng.random() < 0.5:
                    each.kill()
                    each.start()
                else:
                    each.pause()
                    sent.wait(rng.uniform(0.5, 4.0))
                    each.resume()


def abandon_half_pairs(scene: Scene) -> None:
    """Where Redis lost the cancel of a pair, nobody will ever end its nap: end it by another cancel."""
    wait_until(scene.handled, what="every entry")
    lonely = scene.rows(
        "SELECT e.data->>'case' AS case FROM andon.events e WHERE e.name = 'walk/requested' AND e.data->>'nap' <> '0'"
        " AND NOT EXISTS (SELECT FROM andon.events c WHERE c.name = 'walk/cancelled'"
        " AND c.data->>'case' = e.data->>'case')"
    )
    for each in lonely:
        scene.cancel(each["case"])


@pytest.mark.promise
@pytest.mark.parametrize("times", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_cancelling_one_of_two_runs_in_a_worker_never_disturbs_the_other(stage: Stage, times: int) -> None:
    scene = stage(workers=1, env={"ANDON_LANES": "8", "ANDON_LEASE_SECONDS": "6"})
    rng = random.Random(2)

    def try_once(number: int) -> None:
        stopped, kept = f"stopped-{number}", f"kept-{number}"
        work = {"step-1": {"seconds": 0.02}, "step-2": {"gate": True}, "step-3": {"seconds": 0.02}}
        for case in (stopped, kept):
            scene.request(case, steps=4, plan=work)
        scene.wait_step(rng.choice([stopped, kept]), "step-1")
        if rng.random() < 0.7:
            scene.wait_step(stopped, "step-2")
        scene.cancel(stopped)
        scene.ledger.open(kept)
        assert scene.wait_run(stopped)["status"] == "cancelled"
        run = scene.wait_run(kept)
        assert (run["status"], run["attempt"], run["fence"], run["error"]) == ("completed", 1, 1, None)
        assert scene.ledger.steps(kept) == [f"step-{n}" for n in (1, 2, 3, 4)]
        assert not scene.ledger.begins(stopped, "step-3")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(try_once, range(times)))
