"""Andon's client: plain HTTP on one connection that is kept."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Sequence
from typing import Any

import psycopg

from benchmarks.driver import serve

_RUNS = """
SELECT e.id, r.id::text FROM andon.events e JOIN andon.runs r ON r.event_seq = e.seq
WHERE e.tenant = 'default' AND e.id = ANY(%s)
"""


class Client:
    """Submits by `POST /events`, cancels by `POST /runs/{id}/cancel`."""

    def __init__(self) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=60)
        self._runs: dict[str, str] = {}

    def post(self, path: str, body: object) -> Any:
        """The answer's JSON; raises when it is not a success."""
        headers = {"Content-Type": "application/json"}
        text = json.dumps(body, separators=(",", ":"))
        try:
            self._http.request("POST", f"/api/v1{path}", text, headers)
        except (BrokenPipeError, ConnectionResetError):  # the server closes what was idle for half a minute
            self._http.close()
            self._http.request("POST", f"/api/v1{path}", text, headers)
        response = self._http.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{response.status} {answer[:300]!r}")
        return json.loads(answer)

    def submit(self, kind: str, jobs: Sequence[dict[str, Any]]) -> list[str]:
        """Ids of the events."""
        ids: list[str] = []
        for start in range(0, len(jobs), 500):
            chunk = [{"name": f"bench/{kind}", "data": job} for job in jobs[start : start + 500]]
            ids += self.post("/events", chunk)["ids"]
        return ids

    def know(self, ids: Sequence[str]) -> None:
        """Learn the ids of the events' runs, as the answer of a list would have told them."""
        with psycopg.connect(os.environ["ANDON_DATABASE_URL"]) as connection:
            self._runs.update(connection.execute(_RUNS, [list(ids)]).fetchall())

    def cancel(self, id: str) -> None:
        """Cancel the event's run."""
        self.post(f"/runs/{self._runs[id]}/cancel", {})

    def cancel_many(self, _ids: Sequence[str]) -> None:
        """Cancel every open run of the function that W3 queues."""
        self.post("/cancellations", {"functionId": "bench-many"})


if __name__ == "__main__":
    client = Client()
    serve(client.submit, client.cancel, know=client.know, cancel_many=client.cancel_many)
