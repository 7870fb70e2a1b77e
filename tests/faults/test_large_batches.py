"""Row 31: more than fits comes at once. It is taken in by parts, and the dispatcher's memory keeps its bound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.conftest import Stage
from tests.support.polling import wait_until
from tests.support.scene import STREAM, Scene

PATIENCE = 900.0  # thirty million values take minutes where several share a processor
MOST_MEMORY = 512 * 1024**2
MOST_PARTS = 480_000  # lists and objects of a body
SHAPES = {
    "empty lists": [[]] * 60_000,
    "empty maps": [{}] * 60_000,
    "floats": [1.5] * 48_000,
    "small maps": [{"": 1}] * 26_500,
    "a text": "x" * 240_000,
}


def peak(pid: int) -> int:
    """The most memory that the process has held, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def recorded(scene: Scene, prefix: str) -> int:
    return int(scene.one("SELECT count(*) FROM andon.events WHERE id LIKE %s", f"{prefix}%"))


@pytest.mark.parametrize(
    ("shape", "entries", "requests"),
    [("empty lists", 40, 1), *(pytest.param(shape, 500, 5, marks=pytest.mark.slow) for shape in SHAPES)],
)
def test_31_more_comes_at_once_than_fits_into_a_batch_or_into_memory(
    stage: Stage, shape: str, entries: int, requests: int
) -> None:
    scene = stage()
    data = {"a": SHAPES[shape]}
    text = json.dumps(data)
    assert len(text) > 235_000
    scene.wait_leader()
    dispatcher = scene.system["dispatcher-1"]
    dispatcher.pause()
    pipe = scene.redis.pipeline(transaction=False)
    for number in range(entries):
        pipe.xadd(STREAM, {"name": "a/b", "id": f"bus-{number}", "tenant": "big", "data": text})
        if number % 20 == 0:
            pipe.execute()
    pipe.execute()
    scene.request("neighbour", steps=1)
    each = min(68, MOST_PARTS // (text.count("[") + text.count("{") + 1))
    posts = requests * 68 // each
    bodies = [
        json.dumps([{"name": "a/b", "data": data, "id": f"api-{body}-{n}"} for n in range(each)])
        for body in range(posts)
    ]

    def post(body: str) -> int:
        headers = {"content-type": "application/json"}
        return scene.api.post("/events", content=body, headers=headers, timeout=PATIENCE).status_code

    assert sum(map(len, bodies)) > 15_000_000
    assert list(map(post, bodies)) == [202] * posts  # one after the other: a tenant has one large body at work
    dispatcher.resume()
    scene.wait_run("neighbour", timeout=PATIENCE)
    wait_until(lambda: recorded(scene, "bus-") == entries and scene.handled(), PATIENCE, what="all of it recorded")
    wait_until(lambda: scene.one("SELECT count(*) FROM andon.outbox") == 0, PATIENCE, what="an empty outbox")
    assert recorded(scene, "api-") == posts * each
    assert scene.one("SELECT count(*) FROM andon.dead_events") == 0
    print(f"the dispatcher's memory at its most: {peak(dispatcher.pid) / 1024**2:.0f} MiB")
    assert peak(dispatcher.pid) < MOST_MEMORY
