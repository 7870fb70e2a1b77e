"""`Andon`: the API, typed."""

from __future__ import annotations

import time
from types import TracebackType

import httpx

from andon.client.audit import Audit
from andon.client.events import DeadEvents, Events
from andon.client.live import Follower
from andon.client.pauses import Pauses
from andon.client.reports import Datasets, Reports
from andon.client.runs import Cancellations, Functions, Runs
from andon.client.schedules import Schedules
from andon.client.subjects import Subjects
from andon.client.tokens import Tokens
from andon.client.transport import Retries, Transport


class Andon:
    """A client of one API; opens no connection before the first call. Close it, or use it in a `with` statement.

    Every call raises `AndonApiError` or a subclass when the API refuses or doesn't answer. What may pass by itself
    (429, 502, 503, no connection) is tried again first; each POST carries an Idempotency-Key, so it is done once.
    Threads may share a client.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 60.0,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = Transport(url, key, timeout=timeout, retries=retries or Retries(), transport=transport)
        self.url = self._transport.url
        follower = Follower(self._transport, time.monotonic, time.sleep)
        self.reports = Reports(self._transport, follower)
        self.datasets = Datasets(self._transport)
        self.subjects = Subjects(self._transport, follower)
        self.runs = Runs(self._transport, follower)
        self.events = Events(self._transport)
        self.dead_events = DeadEvents(self._transport)
        self.tokens = Tokens(self._transport)
        self.audit = Audit(self._transport)
        self.functions = Functions(self._transport)
        self.schedules = Schedules(self._transport)
        self.pauses = Pauses(self._transport)
        self.cancellations = Cancellations(self._transport)

    def __enter__(self) -> Andon:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def is_ready(self, timeout: float = 2.0) -> bool:
        """Whether the API answers and can serve; asked once."""
        return self._transport.is_ready(timeout)
