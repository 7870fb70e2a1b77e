"""`python -m benchmarks.capacity`: what things cost as more runs are kept; `--model`: how far that carries."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from redis import Redis

from andon.adapters.redis.bus import STREAM
from benchmarks import machine
from benchmarks.capacity import model
from benchmarks.capacity.fill import fill
from benchmarks.capacity.limit import STEPS as STEPS_AT_THE_LIMIT
from benchmarks.capacity.limit import climb
from benchmarks.capacity.usage import usage
from benchmarks.contenders import ANDON
from benchmarks.load import press
from benchmarks.stage import Stage, Theatre, theatre

NAP = 86_400
STEPS = 10
IDLE_SECONDS = 15.0
_OPEN = """
SELECT (SELECT count(*) FROM andon.runs WHERE status = 'queued')
    + (SELECT count(*) FROM andon.runs WHERE status IN ('running', 'cancelling')) + (SELECT count(*) FROM andon.outbox)
"""


class Meter:
    """One system on one database, measured by what its processes and stores say they used."""

    def __init__(self, place: Theatre, stage: Stage) -> None:
        self._pids = place.postgres.pid, place.redis.pid
        self._stage = stage
        self._redis = Redis.from_url(stage.redis_url)
        self._keys = 0

    def measure(self, count: int, act: Callable[[int], None]) -> dict[str, Any]:
        """What each of `count` costs, until all of it has taken effect."""
        before = usage(self._stage, *self._pids)
        act(count)
        while not self._quiet():
            time.sleep(0.2)
        return usage(self._stage, *self._pids).since(before, count)

    def events(self, count: int) -> None:
        """Add events of which no function knows."""
        self._add("capacity/noticed", [{"number": number} for number in range(count)])

    def runs(self, count: int, **data: int) -> None:
        """Ask for runs."""
        self._keys += count
        self._add("capacity/asked", [{"key": f"key-{self._keys - number}", **data} for number in range(count)])

    def cancels(self, count: int) -> None:
        """Cancel the runs that were asked for last."""
        self._add("capacity/cancelled", [{"key": f"key-{self._keys - number}"} for number in range(count)])

    def requests(self, count: int) -> None:
        """Send events of which no function knows, one by one, by HTTP."""
        bodies = [json.dumps({"name": "capacity/noticed", "data": {"number": number}}) for number in range(count)]
        press(self._stage.port, "/api/v1/events", bodies, threads=4, seconds=0, once=True)

    def idle(self, seconds: float) -> dict[str, float]:
        """Processor seconds that each process takes in a second in which nothing happens."""
        before = usage(self._stage, *self._pids)
        time.sleep(seconds)
        after = usage(self._stage, *self._pids)
        return {name: round((after.seconds[name] - before.seconds[name]) / seconds, 4) for name in after.seconds}

    def connections(self) -> dict[str, int]:
        """How many connections each kind of client has to Redis."""
        return dict(Counter(each["name"] for each in self._redis.client_list() if each["name"]))

    def climb(self) -> Iterator[dict[str, Any]]:
        """What each rate of runs takes, up to the first that is too much."""
        return climb(
            self._stage.connection.execute,
            self._redis,
            lambda: usage(self._stage, *self._pids),
            self._stage.workers[0].pid,
            lambda count: self.runs(count, steps=STEPS_AT_THE_LIMIT),
            self._quiet,
        )

    def _add(self, name: str, data: list[dict[str, Any]]) -> None:
        for first in range(0, len(data), 500):
            pipe = self._redis.pipeline(transaction=False)
            for each in data[first : first + 500]:
                pipe.xadd(STREAM, {"name": name, "data": json.dumps(each)})
            pipe.execute()

    def _quiet(self) -> bool:
        """Whether every entry is handled, every event told, and every run asleep or ended."""
        group: Any = self._redis.xinfo_groups(STREAM)[0]
        last: Any = self._redis.xrevrange(STREAM, count=1)
        row = self._stage.connection.execute(_OPEN).fetchone()
        return group["pending"] == 0 and group["last-delivered-id"] == last[0][0] and row == (0,)


def measure(meter: Meter, count: int) -> dict[str, Any]:
    """Cost of an event by bus and by HTTP, of a run, a step, a sleeping run and its cancel."""
    quiet = meter.idle(IDLE_SECONDS)
    return {
        "nothing happens, s/s": quiet,
        "event": meter.measure(count * 4, meter.events),
        "event by HTTP": meter.measure(count, meter.requests),
        "run of 1 step": meter.measure(count, lambda n: meter.runs(n, steps=1)),
        f"run of {1 + STEPS} steps": meter.measure(count, lambda n: meter.runs(n, steps=1 + STEPS)),
        "run that sleeps": meter.measure(count, lambda n: meter.runs(n, steps=0, nap=NAP)),
        f"nothing happens, {count} asleep, s/s": meter.idle(IDLE_SECONDS),
        "cancel": meter.measure(count, meter.cancels),
        "connections to Redis": meter.connections(),
    }


def main() -> None:
    """Measure, or compute."""
    parser = argparse.ArgumentParser(prog="benchmarks.capacity", description=__doc__)
    parser.add_argument("--model", action="store_true", help="print the capacity model's table instead")
    parser.add_argument("--limit", action="store_true", help="ask for more and more runs until it falls behind instead")
    parser.add_argument("--kept", default="100,10000", help="how many runs are kept, as in 100,10000,1000000")
    parser.add_argument("--count", type=int, default=500, help="how many of each are measured")
    given = parser.parse_args()
    if given.model:
        print(model.table())
        return
    andon = replace(ANDON, env={"ANDON_FUNCTIONS": "benchmarks.capacity.functions", "ANDON_QUEUED_RUNS_LIMIT": "0"})
    with tempfile.TemporaryDirectory(prefix="andon-capacity-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else when this runs as root
        with theatre(folder) as place, place.stage(andon) as stage:
            print(json.dumps(machine.describe([])))
            meter = Meter(place, stage)
            meter.measure(50, lambda n: meter.runs(n, steps=3))  # nobody pays for first connections later
            if given.limit:
                for row in meter.climb():
                    print(json.dumps(row), flush=True)
                return
            for kept in map(int, given.kept.split(",")):
                began = time.monotonic()
                fill(stage.connection, kept)
                found = {"kept": kept, "filled in s": round(time.monotonic() - began), "load": machine.load()}
                print(json.dumps(found | measure(meter, given.count)), flush=True)


if __name__ == "__main__":
    main()
