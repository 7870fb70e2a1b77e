"""Tenant B: requests, cancels and downloads, one after the other, and judges each by what it was promised."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
from psycopg.rows import DictRow

from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.scene import ENDED, Scene

PATIENCE = 60.0
CSV = b"day,amount\n" + b"".join(b"2026-01-%02d,%d\n" % (day, day) for day in range(1, 20))

WAYS = ("by event", "by run", "by the bus")


@dataclass
class Honest:
    """Works until `stop`. `lost` is what was not as promised, `cancels` how many seconds each took, until
    the run's end was written, by the way it was sent.
    """

    scene: Scene
    ledger: Ledger
    secret: str
    seed: int
    threads: int = 2
    lost: list[str] = field(default_factory=list)
    cancels: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    done: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._asked = threading.Event()
        self._numbers = count(1)
        self._workers = [threading.Thread(target=self._work, args=(place,)) for place in range(self.threads)]

    def start(self) -> None:
        """Begin."""
        for each in self._workers:
            each.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._asked.set()
        for each in self._workers:
            each.join()

    def newest_ids(self) -> list[str]:
        """What it has made last: others know its names."""
        return self.ids[-20:]

    def _work(self, place: int) -> None:
        rng = random.Random(f"{self.seed}-honest-{place}")
        headers = {"Authorization": f"Bearer {self.secret}"}
        url = f"{self.scene.system.url}/api/v1"
        with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False) as api:
            ways: list[Callable[[httpx.Client, str], None]] = [self._walk, self._cancel, self._cancel, self._report]
            while not self._asked.wait(rng.uniform(0.05, 0.3)):
                way, case = rng.choice(ways), f"honest-{self.seed}-{next(self._numbers)}"
                try:
                    way(api, case)
                    self.done[way.__name__.strip("_")] += 1
                except (AssertionError, httpx.HTTPError) as error:
                    self.lost.append(f"{way.__name__.strip('_')} of {case}: {type(error).__name__}: {error}"[:500])

    def _walk(self, api: httpx.Client, case: str) -> None:
        """A run that nobody of its tenant cancels is completed, each step once."""
        event = self._request(api, case, {"case": case, "steps": 3, "plan": {"step-2": {"seconds": 0.1}}})
        run = self._ended(event)
        assert run["status"] == "completed", run
        assert self.ledger.steps(case) == ["step-1", "step-2", "step-3"], self.ledger.steps(case)

    def _cancel(self, api: httpx.Client, case: str) -> None:
        """A run under way is cancelled, and shown as cancelled."""
        event = self._request(api, case, {"case": case, "steps": 2, "plan": {"step-1": {"seconds": 50}}})
        self.scene.wait_step(case, "step-1", timeout=PATIENCE)
        way = min(self.cancels, key=lambda each: len(self.cancels[each]))
        [run] = self._runs(event)
        began = time.time()
        if way == "by run":
            self._json(api.post(f"/runs/{run['id']}/cancel"), 202)
        elif way == "by event":
            self._json(api.post("/events", json={"name": "walk/cancelled", "data": {"case": case}}), 202)
        else:
            self.scene.cancel(case, tenant="beta")
        run = self._ended(event)
        assert run["status"] == "cancelled", run
        self.cancels[way].append(run["ended_at"].timestamp() - began)

    def _report(self, api: httpx.Client, case: str) -> None:
        """A report is made and downloaded."""
        dataset = self._json(api.post("/datasets", files={"file": (f"{case}.csv", CSV)}), 201)["id"]
        report = self._json(api.post("/reports", json={"title": case, "datasetId": dataset, "options": {}}), 201)["id"]
        self.ids.append(report)
        self._json(api.post(f"/reports/{report}/generate"), 202)

        def settled() -> str | None:
            status = str(self._json(api.get(f"/reports/{report}"), 200)["status"])
            return status if status != "generating" else None

        status = wait_until(settled, PATIENCE, what=f"the report {report}")
        assert status == "generated", status
        text = api.get(f"/reports/{report}/artifacts/report.txt").raise_for_status().text
        assert report in text, text[:100]

    def _request(self, api: httpx.Client, case: str, data: dict[str, object]) -> str:
        """Ask for a walk; returns its event's id."""
        self.ids.append(case)
        answer = self._json(api.post("/events", json={"name": "walk/requested", "data": data}), 202)
        return str(answer["ids"][0])

    def _runs(self, event: str) -> list[DictRow]:
        """The runs of an event, by an index: to look among all that A has made would be a load of its own."""
        return self.scene.rows(
            "SELECT r.* FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
            " WHERE e.tenant = 'beta' AND e.id = %s",
            event,
        )

    def _ended(self, event: str) -> DictRow:
        """The run of an event, once it has ended."""

        def ended() -> DictRow | None:
            return next((run for run in self._runs(event) if run["status"] in ENDED), None)

        return wait_until(ended, PATIENCE, what=f"the end of the run of event {event}")

    def _json(self, answer: httpx.Response, wanted: int) -> dict[str, Any]:
        assert answer.status_code == wanted, f"{answer.status_code}: {answer.text[:300]}"
        return dict(answer.json())
