"""The load: requests and cancels by API and bus, of runs that do whatever runs do, of reports, and of
rows of a table of one's own.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
from redis.exceptions import RedisError

from tests.support.scene import Scene

REPORTS = 6
EXPORTS = 6


class Load:
    """Keeps `senders` threads sending until `stop`. What a store or the API refuses while it is away is counted."""

    def __init__(self, scene: Scene, seed: int, *, senders: int = 3) -> None:
        self.accepted: list[str] = []
        self.sent: Counter[str] = Counter()
        self._scene = scene
        self._asked = threading.Event()
        self._numbers = count(1)
        self._reports: list[str] = []
        self._threads = [
            threading.Thread(target=self._send, args=(random.Random(f"{seed}-{place}"),)) for place in range(senders)
        ]

    def start(self) -> None:
        """Make the reports, then send."""
        self._reports = [self._scene.report(compute={"seconds": 0.4}) for _ in range(REPORTS)]
        made = "INSERT INTO public.exports (id) SELECT n::text FROM generate_series(1, %s) n RETURNING id"
        self._scene.rows(made, EXPORTS)
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Send nothing more."""
        self._asked.set()
        for each in self._threads:
            each.join()

    def _send(self, rng: random.Random) -> None:
        while not self._asked.wait(rng.uniform(0.05, 0.4)):
            act = rng.choice(
                [self._walk, self._walk, self._tally, self._report, self._gather, self._gather, self._export]
            )
            try:
                act(rng)
            except (httpx.HTTPError, RedisError, OSError):
                self.sent["not sent: the API or Redis was away"] += 1

    def _walk(self, rng: random.Random) -> None:
        case = f"walk-{next(self._numbers)}"
        data: dict[str, Any] = {"case": case, "steps": rng.randint(1, 5), "plan": {}}
        data["plan"]["step-1"] = {"seconds": rng.uniform(0, 0.6)}
        if rng.random() < 0.2:
            data["plan"]["step-2"] = {"fail": 1}
        if rng.random() < 0.2:
            data["nap"] = rng.uniform(0.1, 3)
        deliver = self._deliverer(rng)
        deliver("walk/requested", data)
        if rng.random() < 0.4:
            self._asked.wait(rng.choice([0.0, rng.uniform(0, 1.5)]))
            deliver("walk/cancelled", {"case": case})

    def _gather(self, rng: random.Random) -> None:
        case, policy = f"gather-{next(self._numbers)}", rng.choice(["cancel", "wait", "abandon"])
        deliver = self._deliverer(rng)
        deliver("gather/requested", {"case": case, "policy": policy, "children": rng.randint(0, 3)})
        for name in rng.sample(["gather/answered", "gather/cancelled"], rng.choice([1, 1, 2])):
            self._asked.wait(rng.uniform(0, 1))
            deliver(name, {"case": case})

    def _tally(self, rng: random.Random) -> None:
        self._deliverer(rng)("tally/requested", {"case": f"tally-{next(self._numbers)}"})

    def _report(self, rng: random.Random) -> None:
        report = rng.choice(self._reports)
        asks = rng.choice(["generate", "generate", "cancel"])
        answer = self._scene.api.post(f"/reports/{report}/{asks}")
        self.sent[f"{asks}: {answer.status_code}"] += 1
        if answer.status_code == 202:
            self.accepted.append(str(answer.json()["eventId"]))

    def _export(self, rng: random.Random) -> None:
        id, data = str(rng.randint(1, EXPORTS)), {"seconds": rng.choice([0, 0.3, 1.5])}
        asks = rng.choice(["request", "request", "cancel"])
        if rng.random() < 0.5:
            name = "export/requested" if asks == "request" else "export/cancelled"
            self._deliverer(rng)(name, {"exportId": id, **data})
            return
        body = {"data": data} if asks == "request" else {}
        answer = self._scene.api.post(f"/subjects/export/{id}/{asks}", json=body)
        self.sent[f"{asks} of a row: {answer.status_code}"] += 1
        if answer.status_code == 202:
            self.accepted.append(str(answer.json()["eventId"]))

    def _deliverer(self, rng: random.Random) -> Callable[[str, dict[str, Any]], object]:
        return rng.choice([self._post, self._xadd])

    def _post(self, name: str, data: dict[str, Any]) -> None:
        answer = self._scene.api.post("/events", json={"name": name, "data": data})
        self.sent[f"{name} by the API: {answer.status_code}"] += 1
        if answer.status_code == 202:
            self.accepted.extend(answer.json()["ids"])

    def _xadd(self, name: str, data: dict[str, Any]) -> None:
        self._scene.xadd(name, data)
        self.sent[f"{name} by XADD"] += 1
