"""Looks all the time whether more runs are let in than the limits say."""

from __future__ import annotations

import threading
from contextlib import suppress

import psycopg

from tests.soak.functions import HOUSES, PLACES

_OVER = """
SELECT r.function_id || ' ' || coalesce(e.data->>'room', ''), count(*)
FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
WHERE r.function_id IN ('room', 'gather') AND r.kind = 'function' AND r.ended_at IS NULL AND r.door IS NULL
    AND (r.status <> 'waiting' OR r.function_id = 'room') GROUP BY 1
"""


class Watching(threading.Thread):
    """`over` are the times at which there were too many, `looks` how often it could look, `most` the most it saw."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.over: list[str] = []
        self.looks = 0
        self.most: dict[str, int] = {}
        self._url = url
        self._asked = threading.Event()

    def stop(self) -> None:
        """Look no more."""
        self._asked.set()
        self.join()

    def run(self) -> None:
        """Look until stopped, whenever the database is there."""
        while not self._asked.is_set():
            with suppress(psycopg.Error), psycopg.connect(self._url, autocommit=True) as connection:
                while not self._asked.wait(0.1):
                    for what, count in connection.execute(_OVER).fetchall():
                        limit = HOUSES if what.startswith("gather") else PLACES
                        self.most[what] = max(self.most.get(what, 0), count)
                        if count > limit:
                            self.over.append(f"{what}: {count} of {limit}")
                    self.looks += 1
            self._asked.wait(0.2)
